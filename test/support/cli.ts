// SPDX-License-Identifier: MIT
/** Runs the built command as a user does. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

export const cliPath = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

export interface CliOutcome {
  readonly exitStatus: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Words in front of the command, such as `unshare -rm sh -c '…; exec "$@"' sh`. */
  readonly under?: readonly string[];
}

export async function ukl(args: readonly string[], options: CliOptions = {}): Promise<CliOutcome> {
  const [tool = process.execPath, ...words] = [...(options.under ?? []), process.execPath, cliPath, ...args];
  const child = spawn(tool, words, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.stdin ?? "");
  const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code, signal] = await ended;
  return { exitStatus: signal === null ? (code ?? 0) : 128 + constants.signals[signal], stdout, stderr };
}

/** For `under`: a shell command, such as a mount, that only this run notices. */
export function inMountNamespace(mount: string): readonly string[] {
  // A user namespace gives the right to mount to those who lack it; in a chroot there is none to be had.
  const asRoot = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  return ["unshare", ...asRoot, "--mount", "sh", "-c", `${mount} && exec "$@"`, "sh"];
}
