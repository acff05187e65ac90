// SPDX-License-Identifier: MIT
/** Programs by their names. */
import { stat } from "node:fs/promises";
import { join } from "node:path";

/** Daemons are there, where the PATH of users does not lead. */
const directoriesOfDaemons = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** A bare name that is no file here is looked for as a shell would. */
export async function findProgram(name: string): Promise<string> {
  const isFile = async (path: string) => (await stat(path).catch(() => undefined))?.isFile() === true;
  if (name.includes("/") || (await isFile(name))) return name;
  const directories = [...(process.env["PATH"] ?? "").split(":"), ...directoriesOfDaemons];
  for (const directory of directories) {
    const path = join(directory, name);
    if (directory.startsWith("/") && (await isFile(path))) return path;
  }
  return name;
}
