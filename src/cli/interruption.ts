// SPDX-License-Identifier: MIT
/** Signals to us while a machine runs. */
import { constants } from "node:os";
import type { Writable } from "node:stream";

/** Ctrl-C and SIGTERM end the machine, and then us with the status a shell expects. */
export function interruption(stdout: Writable): {
  readonly signal: AbortSignal;
  readonly dispose: () => void;
} {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => controller.abort(new Interrupted(name));
  // Whoever read our output is gone, as in `ukl run IMAGE | head -1`.
  const onClosed = () => controller.abort(new Interrupted("SIGPIPE"));
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  stdout.on("error", onClosed);
  return {
    signal: controller.signal,
    dispose: () => void process.off("SIGINT", onSignal).off("SIGTERM", onSignal),
  };
}

export class Interrupted extends Error {
  readonly exitStatus: number;

  constructor(name: NodeJS.Signals) {
    super(`interrupted by ${name}`);
    this.exitStatus = 128 + constants.signals[name];
  }
}
