// SPDX-License-Identifier: MIT
/**
 * Machines that run on without us. Their lines end in files of a directory, which is their working directory too:
 * what QEMU is told are names, however long the directory's path is.
 */
import { constants } from "node:fs";
import { open, readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type DetachedTool, startBeside, startDetached, type ToolStatus } from "../host/detached.js";
import { lastLines, run } from "../host/exec.js";
import { isSystemError } from "../host/files.js";
import { type Lines, type MachineOptions, qemuCommand } from "./command.js";
import {
  consoleFile,
  consoleTail,
  controlFile,
  controlHeadBytes,
  controlTailBytes,
  errorsFile,
  journalFile,
  outputFile,
  trimCommand,
} from "./console-file.js";
import { type ControlMessage, ControlReader, endOfInput } from "./guest-contract.js";
import { consoleEnd, explainEnd, failureText } from "./run.js";
import type { Stdio } from "./stdio.js";

/**
 * QEMU's name for two files. What ends in `.in` is a named pipe: unlike a socket's, its path may be as long as any, and
 * opening it tells whether QEMU is there. What ends in `.out` is the journal.
 */
const wordsFile = "words";
const complaintsFile = "complaints";

const lines: Lines = {
  console: "stdio,signal=off",
  control: `file,path=${controlFile},append=on`,
  words: `pipe,path=${wordsFile}`,
  stdin: "null",
  stdout: `file,path=${outputFile},append=on`,
  stderr: `file,path=${errorsFile},append=on`,
};

/** Nobody is there to give it input. */
const stdio: Stdio = { input: "nothing", output: "stream", error: "stream", journal: true };

const pollMs = 10;

/** A machine that waits for `go`. Throws UKL-401 and UKL-403. */
export async function prepareMachine(
  options: MachineOptions,
  directory: string,
  inherited: readonly Socket[],
): Promise<DetachedTool> {
  await run({ tool: "mkfifo", args: ["-m", "600", join(directory, `${wordsFile}.in`)] });
  for (const name of [outputFile, errorsFile, journalFile]) {
    await (await open(join(directory, name), "a", 0o600)).close();
  }
  const imagePath = resolve(options.imagePath);
  const lifeline = await startBeside(trimCommand(directory));
  const outputs = { directory, stdout: consoleFile, stderr: complaintsFile };
  // What QEMU is told of its connections counts from the first.
  const connections = { inherited: [...inherited, lifeline] };
  const command = qemuCommand({ startedAtMs: Date.now(), ...options, imagePath, lines, stdio });
  return startDetached(command, { ...outputs, ...connections });
}

/**
 * Lets the machine go, and returns when its application starts, whose stdin is empty. Throws what `runImage` throws
 * when it comes to no application, and the reason of `signal`; the machine is for the caller to end.
 */
export async function startMachine(
  tool: DetachedTool,
  options: MachineOptions,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  let end: ToolStatus | undefined;
  void tool.ended.then((status) => {
    end = status;
  });
  tool.go();
  while (end === undefined && !(await readProgress(directory)).hasStarted) {
    signal.throwIfAborted();
    await sleep(pollMs);
  }
  const { hasStarted, messages } = await readProgress(directory);
  if (!hasStarted && end !== undefined) {
    const [tail, stderr] = await Promise.all([consoleTail(directory), complaints(directory)]);
    throw await explainEnd({ messages, consoleTail: tail, qemu: { ...end, stderr } }, { ...options, lines });
  }
  await new Promise<void>((resolve) => tool.stdin.end(endOfInput(undefined), resolve));
}

/** What a machine has said of its application so far. */
export interface MachineProgress {
  readonly hasStarted: boolean;
  /** Whether it takes signals for it. */
  readonly listens: boolean;
  readonly exitStatus?: number;
  readonly messages: readonly ControlMessage[];
}

export async function readProgress(directory: string): Promise<MachineProgress> {
  // The guest may write without end, so only the first message of a kind is kept.
  const first = new Map<ControlMessage["kind"], ControlMessage>();
  for (const message of await readControl(directory)) {
    if (!first.has(message.kind)) first.set(message.kind, message);
  }
  const exit = first.get("exit");
  return {
    hasStarted: first.has("start"),
    listens: first.has("streams"),
    ...(exit?.kind === "exit" ? { exitStatus: exit.status } : {}),
    messages: [...first.values()],
  };
}

/** What was said at the beginning, where the start is, and at the end, where the exit status is. */
async function readControl(directory: string): Promise<readonly ControlMessage[]> {
  // QEMU has not made it yet: nothing was said.
  const file = await open(join(directory, controlFile)).catch(() => undefined);
  if (file === undefined) return [];
  try {
    const { size } = await file.stat();
    const part = async (offset: number, end: number) => {
      const bytes = Buffer.alloc(Math.max(0, end - offset));
      if (bytes.length > 0) await file.read(bytes, { position: offset });
      return bytes;
    };
    const headEnd = Math.min(size, controlHeadBytes);
    const tailStart = Math.max(headEnd, size - controlTailBytes);
    const [head, tail] = [await part(0, headEnd), await part(tailStart, size)];
    // Where something is left out lines are cut, and the rest of one may look like another one.
    const isWhole = tailStart === headEnd;
    const lines = isWhole
      ? [head, tail]
      : [head.subarray(0, head.lastIndexOf("\n") + 1), tail.subarray(tail.indexOf("\n") + 1)];
    const reader = new ControlReader();
    return lines.flatMap((bytes) => reader.read(bytes));
  } finally {
    await file.close();
  }
}

/** Sends the application a signal; false when no machine is there to take it. */
export async function signalMachine(directory: string, signal: number): Promise<boolean> {
  try {
    const pipe = await open(join(directory, `${wordsFile}.in`), constants.O_WRONLY | constants.O_NONBLOCK);
    await pipe.write(Uint8Array.of(signal)).finally(() => pipe.close());
    return true;
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}

/** What there is to say of a machine that ended without the exit status of its application. */
export async function lastWords(directory: string): Promise<string> {
  const error = (await readProgress(directory)).messages.find(({ kind }) => kind === "error");
  if (error?.kind === "error") return failureText(error);
  const complaint = lastLines(await complaints(directory));
  return complaint === "" ? consoleEnd({ consoleTail: await consoleTail(directory) }) : complaint;
}

function complaints(directory: string): Promise<string> {
  return readFile(join(directory, complaintsFile), "utf8").catch(() => "");
}
