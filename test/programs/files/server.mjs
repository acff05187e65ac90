// SPDX-License-Identifier: MIT
// Each answer is a sum that a thread of its own has made.
import { createServer } from "node:http";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

if (isMainThread) {
  createServer((request, response) => {
    const last = Number(new URL(request.url, "http://guest").searchParams.get("last"));
    const worker = new Worker(new URL(import.meta.url), { workerData: last });
    worker.on("message", (sum) => response.end(`sum ${sum}\n`));
  }).listen(80);
  process.on("SIGTERM", () => process.exit(0));
} else {
  let sum = 0;
  for (let number = 1; number <= workerData; number++) sum += number;
  parentPort.postMessage(sum);
}
