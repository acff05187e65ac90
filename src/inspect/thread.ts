// SPDX-License-Identifier: MIT
/** A thread that inspects one target after another (src/host/threads.ts). */
import { parentPort } from "node:worker_threads";
import { UklError } from "../errors.js";
import type { Answer, Job } from "../host/threads.js";
import { inspectionCache } from "./cache.js";
import { type InspectRequest, inspect } from "./inspect.js";

/** What crosses to a thread: a cache is opened on its side. */
export interface ThreadRequest extends Omit<InspectRequest, "cache"> {
  readonly cacheRoot?: string;
}

parentPort?.on("message", async ({ index, request }: Job) => {
  parentPort?.postMessage(await answer(index, request as ThreadRequest));
});

async function answer(index: number, { cacheRoot, ...request }: ThreadRequest): Promise<Answer> {
  const cache = cacheRoot === undefined ? {} : { cache: inspectionCache(cacheRoot) };
  try {
    return { index, result: await inspect({ ...request, ...cache }) };
  } catch (error) {
    if (!(error instanceof UklError)) throw error;
    return { index, code: error.code, detail: error.detail };
  }
}
