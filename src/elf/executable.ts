// SPDX-License-Identifier: MIT
/**
 * What Linux refuses to execute: the checks of load_elf_binary in fs/binfmt_elf.c, with the error that it gives. All else
 * it starts, whatever sections, notes and the other program headers say.
 */
import { PF, PT, SHF, SHT } from "./constants.js";
import type { ElfFile } from "./file.js";
import { hex, malformed } from "./malformed.js";
import type { Segment } from "./segments.js";

const pageBytes = 4096;
/** TASK_SIZE with four levels of page tables. */
const taskSize = 2n ** 47n - 4096n;
/** 64 KiB of program headers. */
const mostHeaders = 1170;
/** PATH_MAX, its NUL included. */
const mostPathBytes = 4096;

/** Throws UKL-203, UKL-206, UKL-208 or UKL-210 with Linux's reason where it does not execute the file. */
export function checkExecutable(file: ElfFile): void {
  if (isDebugFile(file)) {
    throw malformed(
      "UKL-210",
      file.path,
      "it is a debug file: it has the debug information of a program, and none of its code and data",
    );
  }
  checkCount(file);
  checkInterpreter(file);
  const loads = file.segments.filter(({ type }) => type === PT.LOAD);
  if (file.kind === "shared" && loads.every(({ memsz }) => memsz === 0)) {
    throw refused(file, "EINVAL", "no PT_LOAD has memory");
  }
  for (const [index, load] of loads.entries()) checkLoad(file, load, `PT_LOAD ${index}`);
  if (file.kind === "executable" && file.entry >= taskSize) {
    throw refused(file, "EINVAL", `e_entry ${hex(file.entry)} is in the kernel's half of the address space`);
  }
}

/** As `objcopy --only-keep-debug` and `eu-strip -f` leave it: what a program would load is named, and has no bytes. */
function isDebugFile({ kind, sections }: ElfFile): boolean {
  if (kind === "relocatable") return false;
  const loaded = sections.filter(({ flags, type }) => (flags & SHF.ALLOC) !== 0 && type !== SHT.NOTE);
  const hasDebugInformation = sections.some(
    ({ name, type }) => /^\.z?debug_|^\.gnu_debug|^\.stab/.test(name) || type === SHT.SYMTAB,
  );
  return hasDebugInformation && loaded.length > 0 && loaded.every(({ type }) => type === SHT.NOBITS);
}

/**
 * What glibc's loader refuses as a library (open_verify and _dl_map_object_from_fd in elf/dl-load.c). Throws UKL-204 for a
 * file that it passes over, and UKL-208 for one that ends the start of a program.
 */
export function checkLibrary(file: ElfFile): void {
  const { bytes, path, segments } = file;
  const [elfClass, data, version, osAbi = 0] = bytes.subarray(4, 8);
  if (elfClass !== 2) throw malformed("UKL-204", path, `its class is ${elfClass}, not ELFCLASS64`);
  const isIdentified =
    data === 1 && version === 1 && knownAbis.has(osAbi) && bytes.subarray(9, 16).every((byte) => byte === 0);
  if (!isIdentified) throw malformed("UKL-208", path, "the loader refuses its identification (e_ident)");
  if (bytes[20] !== 1) throw malformed("UKL-208", path, "the loader refuses its e_version, which is not 1");
  for (const { type, vaddr, offset, align } of segments) {
    if (type !== PT.LOAD) continue;
    const isAligned = align % pageBytes === 0 && (vaddr - BigInt(offset)) % BigInt(align || 1) === 0n;
    if (!isAligned)
      throw malformed("UKL-208", path, `the loader refuses the alignment of the PT_LOAD at ${hex(vaddr)}`);
  }
  if (!segments.some(({ type }) => type === PT.LOAD) || file.dynamic === undefined) {
    throw malformed("UKL-208", path, "the loader refuses a library without PT_LOAD or PT_DYNAMIC");
  }
}

/** ELFOSABI_SYSV and ELFOSABI_GNU. */
const knownAbis = new Set([0, 3]);

function checkCount(file: ElfFile): void {
  const count = file.segments.length;
  if (count >= 1 && count <= mostHeaders) return;
  throw refused(file, "ENOEXEC", `it has ${count} program headers, and 1 to ${mostHeaders} are possible`);
}

function checkInterpreter(file: ElfFile): void {
  const segment = file.segments.find(({ type }) => type === PT.INTERP);
  if (segment === undefined) return;
  const { offset, filesz } = segment;
  if (filesz < 2 || filesz > mostPathBytes) {
    throw refused(file, "ENOEXEC", `PT_INTERP has ${filesz} bytes, and 2 to ${mostPathBytes} are possible`);
  }
  if (offset + filesz > file.bytes.length) {
    throw beyondFile(file, "EIO", "PT_INTERP", segment);
  }
  if (file.bytes[offset + filesz - 1] !== 0) {
    throw refused(file, "ENOEXEC", "PT_INTERP is not a string with an end: its last byte is not NUL");
  }
  if (file.bytes[offset] === 0) throw refused(file, "ENOENT", "PT_INTERP is an empty path");
}

function checkLoad(file: ElfFile, load: Segment, where: string): void {
  const { offset, vaddr, filesz, memsz } = load;
  if (filesz > memsz) {
    const isBeyond = offset + filesz > file.bytes.length;
    if (isBeyond) throw beyondFile(file, "EINVAL", where, load);
    throw refused(file, "EINVAL", `${where} has p_filesz ${filesz} above p_memsz ${memsz}`);
  }
  const misplaced = Number(vaddr % BigInt(pageBytes)) !== offset % pageBytes;
  if (filesz > 0 && (misplaced || !Number.isSafeInteger(offset))) {
    throw refused(
      file,
      "EINVAL",
      `${where} has p_vaddr ${hex(vaddr)} and p_offset ${hex(BigInt(offset))}, which differ modulo ${pageBytes}`,
    );
  }
  if (vaddr >= taskSize || vaddr + BigInt(memsz) > taskSize) {
    throw refused(
      file,
      "EINVAL",
      `${where} at ${hex(vaddr)} goes beyond the end of a process' address space`,
    );
  }
  // Linux clears the rest of the last page, which is not there.
  const end = offset + filesz;
  const isCleared = filesz > 0 && memsz > filesz && (load.flags & PF.W) !== 0 && end % pageBytes !== 0;
  const lastPage = end - (end % pageBytes);
  if (isCleared && lastPage >= file.bytes.length) throw beyondFile(file, "EFAULT", where, load);
}

function beyondFile(file: ElfFile, errno: string, where: string, { offset, filesz }: Segment): Error {
  return malformed(
    "UKL-206",
    file.path,
    `${where} has ${filesz} bytes at offset ${offset}, but the file has ${file.bytes.length} bytes; Linux refuses it (${errno})`,
  );
}

function refused(file: ElfFile, errno: string, cause: string): Error {
  return malformed("UKL-208", file.path, `${cause}; Linux refuses it (${errno})`);
}
