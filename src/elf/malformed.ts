// SPDX-License-Identifier: MIT
/**
 * The errors of this stage. What is wrong is the catalogue's title, the cause is the finding, and the
 * remedy depends only on the code, so that all readers say the same.
 */
import { type ErrorCode, errorCatalogue, UklError } from "../errors.js";

const remedies = {
  "UKL-202": "name an x86-64 ELF executable, an object file, an archive or a source file",
  "UKL-203": "copy or build the file again; it ends before its own headers do",
  "UKL-204": "build the application for x86-64 (with gcc: -m64)",
  "UKL-205": "build the application for x86-64",
  "UKL-206": "copy or build the file again; it is damaged, or its end is missing",
  "UKL-207": "name the program that dumped core, not its core dump",
  "UKL-208": "build the file again; readelf -a shows what is in it",
  "UKL-209": "link the application again with an unmodified linker; readelf -lW shows its PT_TLS",
  "UKL-210": "name an executable, a shared library, an object file, an archive or a source file",
  "UKL-211": "create the archive again with 'ar rcs ARCHIVE OBJECTS'",
} as const satisfies Partial<Record<ErrorCode, string>>;

export type MalformedCode = keyof typeof remedies;

/** An error about the file at `path`; `cause` is one sentence without a final full stop. */
export function malformed(code: MalformedCode, path: string, cause: string, original?: unknown): UklError {
  return new UklError(
    code,
    { what: `${path}: ${errorCatalogue[code].title}`, cause, fix: remedies[code] },
    original === undefined ? undefined : { cause: original },
  );
}

/** 0x-prefixed, for messages. */
export function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}
