// SPDX-License-Identifier: MIT
/**
 * Programs that run beside us for a while, with their streams: the other half of exec.ts, which runs
 * programs to their end.
 *
 * Such a program never outlives this process. A handler of ours would not run when we are killed, so the
 * kernel does it: setpriv (util-linux) sets PR_SET_PDEATHSIG, see prctl(2), and then becomes the program. It
 * is a session of its own, so that Ctrl-C on the terminal reaches us alone and we decide how it ends.
 */
import type { Socket } from "node:net";
import type { Duplex, Readable, Writable } from "node:stream";
import { execa } from "execa";
import type { Command } from "./exec.js";
import { notStarted } from "./not-started.js";

/** The file descriptor at which a program finds the first of its further streams, connected Unix sockets. */
export const firstFurtherFd = 3;

/** How many there can be. */
const maxFurther = 5;

/** The file descriptor at which a program finds the first of the connections that it is given. */
export const inheritedFd: number = firstFurtherFd + maxFurther;

/** How much of the program's stderr is kept: its end. */
const stderrLimitBytes = 64 * 1024;

export interface ToolEnd {
  /** Absent when a signal ended the program. */
  readonly exitStatus?: number;
  /** Such as "SIGKILL". */
  readonly signal?: string;
  /** The end of what it complained about. */
  readonly stderr: string;
}

export interface RunningTool {
  /** Undefined when it could not be started. */
  readonly pid: number | undefined;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** The other ends of its further streams. Nobody reads from them until somebody does. */
  readonly further: readonly Duplex[];
  /** Settles once the process is gone; stdout may still hold unread bytes. Rejects with UKL-401 and UKL-408. */
  readonly ended: Promise<ToolEnd>;
  /** Ends the process at once (SIGKILL). */
  kill(): void;
}

export interface StartOptions {
  /** How many further streams the program has, five at most. Default 0. */
  readonly further?: number;
  /** Connections that are the program's alone from then on, but for those in `kept`. */
  readonly inherited?: readonly Socket[];
  readonly kept?: readonly Socket[];
}

/**
 * Starts a command. While its streams are not read from, the program waits; but begin to read in the same turn
 * of the event loop, because Node throws away what nobody listens to when the program ends.
 */
export function start(
  command: Command,
  { further: count = 0, inherited = [], kept = [] }: StartOptions = {},
): RunningTool {
  const furtherFds = Array.from({ length: maxFurther }, (_, index) => (index < count ? "pipe" : "ignore"));
  const child = execa("setpriv", ["--pdeathsig", "KILL", "--", command.tool, ...command.args], {
    reject: false,
    buffer: false,
    detached: true,
    extendEnv: true,
    env: { LC_ALL: "C", ...command.env },
    stdio: ["pipe", "pipe", "pipe", ...furtherFds, ...inherited],
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
  });
  for (const connection of inherited) if (!kept.includes(connection)) connection.destroy();
  // Node's pipes lead both ways; execa cannot know which way each is meant.
  const further = child.stdio.slice(firstFurtherFd, firstFurtherFd + count) as unknown as Duplex[];
  // Writing to a program that has just ended is no event of its own: `ended` tells.
  for (const stream of [child.stdin, ...further]) stream.on("error", () => undefined);

  const stderr = keepEnd(child.stderr);
  const ended = new Promise<ToolEnd>((resolve, reject) => {
    child.once("exit", (code: number | null, signal: string | null) => {
      void stderr.then((text) => {
        const refused = /^setpriv: failed to execute .*: (.*)$/m.exec(text);
        if ((code === 126 || code === 127) && text.startsWith("setpriv: ") && refused !== null)
          reject(notStarted(command, codeOf(refused[1])));
        resolve({
          ...(code === null ? {} : { exitStatus: code }),
          ...(signal === null ? {} : { signal }),
          stderr: text,
        });
      });
    });
    void child.then((result) => {
      if (result.exitCode !== undefined || result.signal !== undefined) return;
      // What the host refuses setpriv, it refuses the program: but for a setpriv that is not there.
      const isOurs = result.code === "ENOENT" || result.code === "EACCES";
      reject(notStarted(isOurs ? { ...command, tool: "setpriv" } : command, result.code));
    });
  });
  return {
    pid: child.pid,
    stdin: child.stdin,
    stdout: child.stdout,
    further,
    ended,
    kill: () => void child.kill("SIGKILL"),
  };
}

/** From what the C library says of an errno. */
function codeOf(text = ""): string | undefined {
  return { "No such file or directory": "ENOENT", "Permission denied": "EACCES" }[text] ?? text;
}

/**
 * For programs that wait for the rest of what they have begun to read or write. Node's connections do not block, which
 * is a property of the connection and not of who has it; but what Node starts has a stdin that does. `tool` may do more
 * to it.
 */
export async function makeBlocking(connection: Socket, tool = "true"): Promise<void> {
  await execa(tool, { reject: false, stdin: connection, stdout: "ignore", stderr: "ignore" });
}

async function keepEnd(stream: Readable): Promise<string> {
  let end = Buffer.alloc(0);
  try {
    for await (const chunk of stream) end = Buffer.concat([end, chunk]).subarray(-stderrLimitBytes);
  } catch {
    // A stream that breaks has told all it will.
  }
  return end.toString();
}
