// SPDX-License-Identifier: MIT
/** Compiled classes of Java: which ones have a main method (The Java Virtual Machine Specification, 4.1 to 4.7). */
import { join } from "node:path";
import { readStart } from "../host/files.js";
import type { Project } from "./plan.js";

const magic = 0xcafebabe;
const mostClassBytes = 1 << 20;
const mostClasses = 2000;
const publicStatic = 0x0009;
/** Of constants behind their tag; 1 has its length with it, 5 and 6 take two places (4.4). */
const constantBytes: Readonly<Record<number, number>> = {
  3: 4,
  4: 4,
  5: 8,
  6: 8,
  7: 2,
  8: 2,
  9: 4,
  10: 4,
  11: 4,
  12: 4,
  15: 3,
  16: 2,
  17: 4,
  18: 4,
  19: 2,
  20: 2,
};

/** As `java` takes them, of the classes below a directory of the project that are where their packages say. */
export async function mainClasses(project: Project, root: string): Promise<readonly string[]> {
  const files: string[] = [];
  const queue = [""];
  for (const directory of queue) {
    for (const name of project.names(join(root, directory))) {
      const path = join(directory, name);
      if (files.length > mostClasses || queue.length > mostClasses) return [];
      if (name.endsWith(".class")) files.push(path);
      else if (/^[\w$]+$/.test(name) && project.isDirectory(join(root, path))) queue.push(path);
    }
  }
  const found: string[] = [];
  for (const file of files) {
    const name = await mainClassIn(join(project.directory, root, file));
    if (name !== undefined && `${name}.class` === file) found.push(name.replaceAll("/", "."));
  }
  return found;
}

export async function mainClassIn(path: string): Promise<string | undefined> {
  return mainClassName(Buffer.from(await readStart(path, mostClassBytes)));
}

/** The name, with slashes, of a class that has `public static void main(String[])`; undefined for all else. */
export function mainClassName(bytes: Buffer): string | undefined {
  try {
    return parse(bytes);
  } catch (error) {
    // Past the end: it is damaged, or no class.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function parse(bytes: Buffer): string | undefined {
  if (bytes.readUInt32BE(0) !== magic) return undefined;
  let at = 8;
  const u2 = () => {
    at += 2;
    return bytes.readUInt16BE(at - 2);
  };
  const texts = new Map<number, string>();
  const classes = new Map<number, number>();
  const count = u2();
  for (let index = 1; index < count; index++) {
    const tag = bytes.readUInt8(at++);
    if (tag === 1) {
      const length = u2();
      texts.set(index, bytes.toString("utf8", at, at + length));
      at += length;
      continue;
    }
    const size = constantBytes[tag];
    if (size === undefined) return undefined;
    if (tag === 7) classes.set(index, bytes.readUInt16BE(at));
    if (tag === 5 || tag === 6) index++;
    at += size;
  }
  at += 2;
  const name = texts.get(classes.get(u2()) ?? 0);
  at += 2;
  const interfaces = u2();
  at += 2 * interfaces;
  const member = () => {
    const [flags, memberName, type] = [u2(), texts.get(u2()), texts.get(u2())];
    for (let rest = u2(); rest > 0; rest--) at += 6 + bytes.readUInt32BE(at + 2);
    return (
      (flags & publicStatic) === publicStatic && memberName === "main" && type === "([Ljava/lang/String;)V"
    );
  };
  for (let rest = u2(); rest > 0; rest--) member();
  let hasMain = false;
  for (let rest = u2(); rest > 0; rest--) if (member()) hasMain = true;
  // The attributes of the class follow: what is cut off has no number of them.
  u2();
  return hasMain ? name : undefined;
}
