// SPDX-License-Identifier: MIT
/** Facts about the machine we run on. */
import { access, constants, open, readFile, stat } from "node:fs/promises";
import { cpus } from "node:os";
import { delimiter, join } from "node:path";
import { notStarted } from "./not-started.js";

/** Which file a tool is, so that an upgrade of it can be noticed without running it. */
export interface ToolIdentity {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** Finds a tool as execvp(3) does. Throws UKL-401. */
export async function identifyTool(tool: string): Promise<ToolIdentity> {
  const directories = (process.env["PATH"] ?? "").split(delimiter);
  const candidates = tool.includes("/") ? [tool] : directories.map((directory) => join(directory, tool));
  for (const path of candidates) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() && (await mayExecute(path)))
      return { path, sizeBytes: found.size, modifiedMs: Math.trunc(found.mtimeMs) };
  }
  const isThere = await Promise.all(candidates.map((path) => stat(path).catch(() => undefined)));
  throw notStarted({ tool, args: [] }, isThere.some((found) => found?.isFile()) ? "EACCES" : "ENOENT");
}

function mayExecute(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Identifies this boot of this machine: random(4). Empty where there is no such thing. */
export async function bootId(): Promise<string> {
  const text = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  return text.trim();
}

export function cpuModel(): string {
  return cpus()[0]?.model ?? "";
}

/** Whether this user may open a device for reading and writing. */
export async function canOpenDevice(path: string): Promise<boolean> {
  try {
    await (await open(path, "r+")).close();
    return true;
  } catch {
    return false;
  }
}
