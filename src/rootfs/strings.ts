// SPDX-License-Identifier: MIT
/** Files for init: strings, each ended by NUL (syscall-stubs/x86_64/init/strings.h). */
export function stringsOf(values: readonly string[]): Buffer {
  return Buffer.from(values.map((value) => `${value}\0`).join(""));
}
