// SPDX-License-Identifier: MIT
/**
 * In a static program a linker replaces what asks for the address of a thread-local variable by what computes
 * it: `__tls_get_addr` is then not called. The sequences are those of U. Drepper, "ELF Handling For
 * Thread-Local Storage", sections 5.5.1 and 5.5.2, in the forms that psABI section B.2 lists.
 */
import { R_X86_64 } from "../../elf/constants.js";

interface Sequence {
  /** Distance from its start to the bytes that the relocation changes. */
  readonly before: number;
  /** -1 where any byte may be. */
  readonly pattern: readonly number[];
  readonly replacement: readonly number[];
  readonly hasOffset: boolean;
}

const any = [-1, -1, -1, -1];
const loadThreadPointer = [0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0];
/** `lea x@tlsgd(%rip), %rdi` with its prefix, and the call in two forms; then `lea offset(%rax), %rax`. */
const general = [
  [0x66, 0x66, 0x48, 0xe8, ...any],
  [0x66, 0x48, 0xff, 0x15, ...any],
].map(
  (call): Sequence => ({
    before: 4,
    pattern: [0x66, 0x48, 0x8d, 0x3d, ...any, ...call],
    replacement: [...loadThreadPointer, 0x48, 0x8d, 0x80, 0, 0, 0, 0],
    hasOffset: true,
  }),
);
/** `lea x@tlsld(%rip), %rdi` and the call in two forms. */
const local = [
  [0xe8, ...any],
  [0xff, 0x15, ...any],
].map(
  (call): Sequence => ({
    before: 3,
    pattern: [0x48, 0x8d, 0x3d, ...any, ...call],
    replacement: [...Array.from({ length: call.length - 2 }, () => 0x66), ...loadThreadPointer],
    hasOffset: false,
  }),
);

const sequences: ReadonlyMap<number, readonly Sequence[]> = new Map([
  [R_X86_64.TLSGD, general],
  [R_X86_64.TLSLD, local],
]);

/** Replaces the sequence around a relocation, and returns where it ends; undefined for any other code. */
export function relaxTls(bytes: Buffer, at: number, type: number, tpOffset: number): number | undefined {
  const found = sequences.get(type)?.find(({ before, pattern }) => {
    const start = at - before;
    return start >= 0 && pattern.every((byte, index) => byte < 0 || bytes[start + index] === byte);
  });
  if (found === undefined) return undefined;
  const start = at - found.before;
  const end = start + found.pattern.length;
  if (end > bytes.length) return undefined;
  bytes.set(found.replacement, start);
  if (found.hasOffset) bytes.writeInt32LE(tpOffset | 0, end - 4);
  return end;
}
