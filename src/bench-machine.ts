// SPDX-License-Identifier: MIT
/** Boots a variant up to what is wanted of it, and sees to it that its machine is gone afterwards. */
import { setTimeout as sleep } from "node:timers/promises";
import { firstAnswer } from "./bench/requests.js";
import type { Server } from "./bench/servers.js";
import type { Variant } from "./bench-variants.js";
import { UklError } from "./errors.js";
import { lastLines } from "./host/exec.js";
import { freePort } from "./host/ports.js";
import { type RunRequest, run } from "./run.js";
import type { Accelerator } from "./vm/command.js";
import type { ConsoleOptions } from "./vm/machine.js";
import type { RunResult } from "./vm/run.js";

/** How far a program comes: a server that is known answers; others end, or else run on and on. */
export type Course =
  | { readonly until: "start" | "end" }
  | { readonly until: "answer"; readonly server: Server };

export interface Life {
  readonly accelerator: Accelerator;
  readonly course: Course;
  readonly limitMs: number;
  /** Of the machine, over the image's own. */
  readonly machine?: Pick<
    RunRequest,
    "memory" | "args" | "instructionCount" | "kernelArguments" | "qemuArguments"
  >;
  /** Called again and again while the program runs; of a server once, when it has answered. */
  readonly whileUp?: (up: UpMachine) => Promise<void>;
}

interface UpMachine {
  readonly pid: number;
  /** Of the host, that leads to a server. */
  readonly port: number;
}

/** Times are from the start of QEMU, absent for what was not reached. */
export interface Lived {
  readonly console: string;
  readonly startMs?: number;
  readonly answerMs?: number;
  readonly endMs?: number;
  readonly exitStatus?: number;
}

const pollMs = 20;

/** What ends a machine that has done what was wanted. */
const reached = Symbol("reached");

/** Throws what `run` and `whileUp` throw, and UKL-802 where a server does not answer. */
export async function live(variant: Variant, life: Life): Promise<Lived> {
  const port = life.course.until === "answer" ? await freePort() : 0;
  const enough = new AbortController();
  const watch = new Watch(() => {
    if (life.course.until === "start") enough.abort(reached);
  });
  const request = { ...requestFor(variant, life, port) };
  const running = run(request, { timeoutMs: life.limitMs, signal: enough.signal, ...watch.console });
  const over = new AbortController();
  const asked = ask(life, watch, port, over.signal).then(
    (isEnough) => isEnough && enough.abort(reached),
    (error: unknown) => over.signal.aborted || enough.abort(error),
  );
  try {
    return mustAnswer(life, watch.lived(await running));
  } catch (error) {
    if (error === reached) return watch.lived(undefined);
    const isLate = error instanceof UklError && error.code === "UKL-603" && life.course.until === "answer";
    throw isLate ? noAnswer(`nothing that it should say came within ${life.limitMs / 1000} s`) : error;
  } finally {
    over.abort(new Error("the machine is gone"));
    await asked;
  }
}

function requestFor({ imagePath, kernel }: Variant, life: Life, port: number): RunRequest {
  const { course, accelerator, machine } = life;
  return {
    ...{ imagePath, accelerator, env: {}, ...machine },
    ...(kernel === undefined ? {} : { kernelImage: kernel.path }),
    ...(course.until === "answer"
      ? { ports: [`127.0.0.1:${port}:${course.server.port}`] }
      : { ports: [], net: "none" }),
  };
}

/** Asks the machine what is wanted of it; whether that is all. */
async function ask(life: Life, watch: Watch, port: number, until: AbortSignal): Promise<boolean> {
  const { course, whileUp } = life;
  if (course.until === "answer") {
    await firstAnswer(port, course.server.exchange, until);
    watch.answerMs = watch.sinceBegin();
    await whileUp?.({ pid: watch.pid, port });
    return true;
  }
  while (whileUp !== undefined && !until.aborted) {
    if (watch.startMs !== undefined) await whileUp({ pid: watch.pid, port });
    await sleep(pollMs);
  }
  return false;
}

/** What is seen of a machine from outside. */
class Watch {
  pid = 0;
  answerMs: number | undefined;
  startMs: number | undefined;
  #beginMs = performance.now();
  readonly #chunks: Uint8Array[] = [];
  readonly console: Pick<ConsoleOptions, "onOutput" | "onErrors" | "onConsole" | "onProcess" | "onStart">;

  constructor(onStart: () => void) {
    const keep = (chunk: Uint8Array) => void this.#chunks.push(chunk);
    this.console = {
      ...{ onOutput: keep, onErrors: keep, onConsole: keep },
      onProcess: (pid) => {
        [this.pid, this.#beginMs] = [pid, performance.now()];
      },
      onStart: async () => {
        this.startMs = this.sinceBegin();
        onStart();
      },
    };
  }

  sinceBegin(): number {
    return performance.now() - this.#beginMs;
  }

  lived(end: RunResult | undefined): Lived {
    const { startMs, answerMs } = this;
    return {
      console: Buffer.concat(this.#chunks).toString("latin1"),
      ...(startMs === undefined ? {} : { startMs }),
      ...(answerMs === undefined ? {} : { answerMs }),
      ...(end === undefined ? {} : { endMs: end.timingsMs.total, exitStatus: end.exitStatus }),
    };
  }
}

function mustAnswer({ course }: Life, lived: Lived): Lived {
  if (course.until !== "answer" || lived.answerMs !== undefined) return lived;
  throw noAnswer(`it ended with status ${lived.exitStatus}; the console says: ${lastLines(lived.console)}`);
}

function noAnswer(cause: string): UklError {
  return new UklError("UKL-802", {
    what: "the server gives no answer",
    cause,
    fix: "see with 'ukl run' what it prints, or allow it more time with --timeout",
  });
}
