// SPDX-License-Identifier: MIT
/** Runs an image and tells how its application ended, or why there is no telling. */
import { getSystemErrorMap } from "node:util";
import { UklError } from "../errors.js";
import { formatCommand, lastLines } from "../host/exec.js";
import { diskInUse, mountRefused } from "./attachment-errors.js";
import { type MachineOptions, qemuCommand } from "./command.js";
import type { ControlMessage } from "./guest-contract.js";
import { type BootOutcome, boot, type ConsoleOptions, type TimingsMs } from "./machine.js";

/** How much of a kernel panic is quoted. */
const panicLines = 12;

export interface RunResult {
  /** The application's: 0 to 255, 128 + n when signal n ended it. */
  readonly exitStatus: number;
  readonly timingsMs: TimingsMs;
  /** What the guest said of masked calls, in its order. */
  readonly masked: readonly MaskedMessage[];
}

type MaskedMessage = Extract<ControlMessage, { readonly kind: "masked" | "killed" | "tried" }>;

/**
 * Boots an image and returns when it has ended. Throws UKL-401, UKL-602 to UKL-604, UKL-622 and UKL-624, the reason of an
 * aborted `signal`, and whatever `stdin` and `onConsole` throw. No QEMU is left behind in any case.
 */
export async function runImage(options: MachineOptions & ConsoleOptions): Promise<RunResult> {
  const outcome = await boot(qemuCommand({ startedAtMs: Date.now(), ...options }), options);
  if (outcome.timedOut) throw tookTooLong(outcome, options.timeoutMs ?? 0);
  const exit = outcome.messages.find((message) => message.kind === "exit");
  if (exit !== undefined) {
    const masked = outcome.messages.filter(isAboutMask);
    return { exitStatus: exit.status, timingsMs: outcome.timingsMs, masked };
  }
  throw await explainEnd(outcome, options);
}

/** What there is to say of a machine that ended without the exit status of its application. */
type FailedOutcome = Pick<BootOutcome, "messages" | "consoleTail" | "qemu">;

export async function explainEnd(outcome: FailedOutcome, options: MachineOptions): Promise<UklError> {
  const error = outcome.messages.find((message) => message.kind === "error");
  if (error !== undefined) return notStarted(error, outcome, options);
  return (await diskInUse(outcome.qemu.stderr)) ?? unexpectedEnd(outcome, options);
}

function unexpectedEnd(outcome: FailedOutcome, options: MachineOptions): UklError {
  return outcome.qemu.exitStatus === 0 ? stoppedSilently(outcome) : qemuFailed(outcome, options);
}

function isAboutMask(message: ControlMessage): message is MaskedMessage {
  return message.kind === "masked" || message.kind === "killed" || message.kind === "tried";
}

function tookTooLong(outcome: BootOutcome, timeoutMs: number): UklError {
  const { start } = outcome.timingsMs;
  return new UklError("UKL-603", {
    what: `the guest did not end within ${timeoutMs / 1000} s`,
    cause:
      start === undefined
        ? `the kernel did not reach the application; ${consoleEnd(outcome)}`
        : `the application had been running for ${((timeoutMs - start) / 1000).toFixed(1)} s; ${consoleEnd(outcome)}`,
    fix: "allow it more time with --timeout, or find out what it waits for",
  });
}

type ErrorMessage = Extract<ControlMessage, { readonly kind: "error" }>;

/** What a guest says of why its application cannot run, as a clause that a message can end in. */
export function failureText({ what, errno }: ErrorMessage): string {
  return `${what} failed with ${errnoText(errno)}`;
}

function errnoText(errno: number): string {
  return (getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, "of unknown meaning"]).join(": ");
}

function notStarted(
  error: ErrorMessage,
  { consoleTail }: FailedOutcome,
  { attachments }: MachineOptions,
): UklError {
  const notMounted = mountRefused(error, attachments?.mounts ?? [], consoleTail, errnoText(error.errno));
  if (notMounted !== undefined) return notMounted;
  return new UklError("UKL-604", {
    what: "the application was not started",
    cause: failureText(error),
    fix: "see whether the image has the program, its interpreter and its arguments as it should, or build it again",
  });
}

function stoppedSilently(outcome: FailedOutcome): UklError {
  const started = outcome.messages.some(({ kind }) => kind === "start");
  return new UklError("UKL-604", {
    what: `the machine was reset ${started ? "while the application ran" : "before the application started"}`,
    cause: consoleEnd(outcome),
    fix: "if the console shows a kernel panic for want of memory, give it more with -m; otherwise boot with --mode classic to see whether ring 0 makes the difference",
  });
}

function qemuFailed(outcome: FailedOutcome, options: MachineOptions): UklError {
  const { exitStatus, signal, stderr } = outcome.qemu;
  return new UklError("UKL-602", {
    what:
      exitStatus === undefined ? `QEMU was ended by ${signal}` : `QEMU failed with exit status ${exitStatus}`,
    cause: lastLines(stderr) || "it printed nothing",
    fix: `see whether this host has the memory and rights it asks for: ${formatCommand(qemuCommand(options))}`,
  });
}

/** The last lines of the console, or those from a kernel panic on: its message comes before a long trace. */
export function consoleEnd({ consoleTail }: Pick<BootOutcome, "consoleTail">): string {
  const panic = consoleTail.split("\n").findIndex((line) => line.includes("Kernel panic - not syncing"));
  const lines =
    panic < 0
      ? lastLines(consoleTail)
      : consoleTail
          .split("\n", panic + panicLines)
          .slice(panic)
          .join("\n");
  return lines === "" ? "the console is empty" : `the console ends in:\n${lines.trimEnd()}`;
}
