// SPDX-License-Identifier: MIT
/**
 * What the machine tells its loaders. For glibc that is /etc/ld.so.cache, in the format "glibc-ld.so.cache1.1" (sysdeps/generic/dl-cache.h of glibc): which file
 * ldconfig found for a library's name.
 *
 * A damaged cache is no cache, as for ld.so: what is read before the damage counts, the rest is not there.
 */
import { readFile } from "node:fs/promises";
import { Fields } from "../elf/fields.js";
import { type FileView, hostView } from "../host/file-view.js";
import { glibcDirectories, muslDirectories, type SystemSearch } from "./search-path.js";

const magic = "glibc-ld.so.cache1.1";
const headerSizeBytes = 48;
const entrySizeBytes = 24;
/** The format before, which ldconfig can put in front: this magic, a count at 12, entries of 12 bytes. */
const oldMagic = "ld.so-1.7.0";
const oldHeaderSizeBytes = 16;
const oldEntrySizeBytes = 12;
/** FLAG_ELF_LIBC6 | FLAG_X8664_LIB64. */
const x86Libc6 = 0x0303;
/** PATH_MAX: a longer name cannot be opened. */
const nameLimitBytes = 4096;

/** For musl it is a list of directories in a file, if there is one. */
export async function readSystemSearch(
  libc: SystemSearch["libc"],
  libraryPath: readonly string[],
  view: FileView = hostView,
): Promise<SystemSearch> {
  if (libc === "glibc") {
    const bytes = await readFile(view.locate("/etc/ld.so.cache")).catch(() => new Uint8Array(0));
    return { view, libc, libraryPath, cache: parseLdCache(bytes), directories: glibcDirectories };
  }
  const list = await readFile(view.locate("/etc/ld-musl-x86_64.path"), "utf8").catch(() => undefined);
  const directories = list?.split(/[:\n]/).filter((directory) => directory !== "") ?? muslDirectories;
  return { view, libc, libraryPath, cache: new Map(), directories };
}

/**
 * The path of each library name, for x86-64. Entries of glibc-hwcaps directories stand in only where there
 * is no other: which of them ld.so takes depends on the processor it will run on.
 */
export function parseLdCache(bytes: Uint8Array): ReadonlyMap<string, string> {
  const start = startOfCache(bytes);
  const paths = new Map<string, string>();
  if (textAt(bytes, start, magic.length) !== magic) return paths;
  const cache = new Fields(bytes.subarray(start), "/etc/ld.so.cache", "the library cache");
  if (cache.sizeBytes < headerSizeBytes) return paths;
  const room = Math.floor((cache.sizeBytes - headerSizeBytes) / entrySizeBytes);
  const count = Math.min(cache.u32(20), room);
  const special = new Map<string, string>();
  for (let index = 0; index < count; index++) {
    const at = headerSizeBytes + index * entrySizeBytes;
    if (cache.u32(at) !== x86Libc6) continue;
    const name = stringAt(cache.bytes, cache.u32(at + 4));
    const path = stringAt(cache.bytes, cache.u32(at + 8));
    if (!name || !path) continue;
    const target = cache.u64(at + 16) === 0n ? paths : special;
    // Of equal entries ld.so takes the first.
    if (!target.has(name)) target.set(name, path);
  }
  for (const [name, path] of special) if (!paths.has(name)) paths.set(name, path);
  return paths;
}

function startOfCache(bytes: Uint8Array): number {
  if (bytes.length < oldHeaderSizeBytes || textAt(bytes, 0, oldMagic.length) !== oldMagic) return 0;
  const count = new DataView(bytes.buffer, bytes.byteOffset).getUint32(12, true);
  const end = oldHeaderSizeBytes + count * oldEntrySizeBytes;
  return Math.ceil(end / 8) * 8;
}

/** The string that starts at `offset`, or undefined where there is no end to it. */
function stringAt(bytes: Uint8Array, offset: number): string | undefined {
  const window = bytes.subarray(offset, offset + nameLimitBytes);
  const end = window.indexOf(0);
  return end < 0 ? undefined : textAt(window, 0, end);
}

function textAt(bytes: Uint8Array, offset: number, sizeBytes: number): string {
  const part = bytes.subarray(offset, offset + sizeBytes);
  return Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString("utf8");
}
