// SPDX-License-Identifier: MIT
/**
 * Signals to us while a machine runs. They are meant for the guest's program: it gets them as if it ran here, and
 * the run goes on until the program ends. Whoever asks a second time for the end, or finds a program that takes too
 * long over it, gets the end of the machine.
 */
import { constants } from "node:os";
import { PassThrough } from "node:stream";

export interface Interruption {
  /** Ends the machine, and then us with the status a shell expects. */
  readonly signal: AbortSignal;
  /** Numbers of signals for the guest's program; whoever cannot pass them on destroys this. */
  readonly signals: PassThrough;
  /** Ends the machine as this signal to us would, a second time. */
  readonly end: (name: NodeJS.Signals) => void;
  readonly dispose: () => void;
}

const endings = ["SIGINT", "SIGTERM"] as const;
const others = ["SIGHUP", "SIGUSR1", "SIGUSR2"] as const;

/** Ctrl-C under npx comes twice: from the terminal, and from npx. */
const sameMs = 200;

export function interruption(graceMs: number): Interruption {
  const controller = new AbortController();
  const signals = new PassThrough();
  let waiting: NodeJS.Signals | undefined;
  let firstMs: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const end = (name: NodeJS.Signals) => controller.abort(new Interrupted(name));
  const pass = (name: NodeJS.Signals) => {
    waiting = name;
    if (signals.destroyed) end(name);
    else signals.write(Uint8Array.of(constants.signals[name]));
  };
  const passOrEnd = (name: NodeJS.Signals) => {
    if (firstMs === undefined) {
      firstMs = performance.now();
      timer = setTimeout(() => end(name), graceMs);
      pass(name);
    } else if (performance.now() - firstMs > sameMs) {
      end(name);
    }
  };
  signals.once("close", () => waiting !== undefined && end(waiting));
  for (const name of endings) process.on(name, passOrEnd);
  for (const name of others) process.on(name, pass);
  return {
    signal: controller.signal,
    signals,
    end,
    dispose: () => {
      clearTimeout(timer);
      for (const name of endings) process.off(name, passOrEnd);
      for (const name of others) process.off(name, pass);
    },
  };
}

export class Interrupted extends Error {
  readonly exitStatus: number;

  constructor(name: NodeJS.Signals) {
    super(`interrupted by ${name}`);
    this.exitStatus = 128 + constants.signals[name];
  }
}
