// SPDX-License-Identifier: MIT
/** Work that keeps a processor busy, given to as many threads as there are processors. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { type ErrorCode, type ErrorDetail, UklError } from "../errors.js";

/** What a thread answers to a job: its result, or what went wrong with it. */
export type Answer =
  | { readonly index: number; readonly result: unknown }
  | { readonly index: number; readonly code: ErrorCode; readonly detail: ErrorDetail };

export interface Job {
  readonly index: number;
  readonly request: unknown;
}

/**
 * The results for `requests`, in their order; `script` answers jobs by messages. The first failure ends the others
 * and is thrown: a UklError as such. `onDone` is told how many are finished.
 */
export async function mapInThreads(
  script: URL,
  requests: readonly unknown[],
  onDone: (count: number) => void,
): Promise<readonly unknown[]> {
  const results: unknown[] = [];
  const jobs: Job[] = requests.map((request, index) => ({ index, request }));
  let done = 0;
  const workers = jobs.slice(0, availableParallelism()).map(() => new Worker(script));
  const runs = workers.map(
    (worker) =>
      new Promise<void>((resolve, reject) => {
        const next = () => {
          const job = jobs.shift();
          if (job === undefined) resolve();
          else worker.postMessage(job);
        };
        worker.on("error", reject).on("message", (answer: Answer) => {
          if ("code" in answer) return reject(new UklError(answer.code, answer.detail));
          results[answer.index] = answer.result;
          onDone(++done);
          next();
        });
        next();
      }),
  );
  try {
    await Promise.all(runs);
    return results;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
