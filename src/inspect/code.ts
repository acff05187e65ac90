// SPDX-License-Identifier: MIT
/**
 * Reads machine code with all that its operands say, for those who follow values.
 * One instruction object is reused for all of a module's code.
 */

import { Decoder, Instruction, Mnemonic } from "./iced.js";
import type { Module, Region } from "./module.js";

/** No function is longer. */
const longestFunctionBytes = 1 << 22;
const longestInstructionBytes = 15;
/** A decoder takes a copy of its bytes: of more than a function, since neighbours are often asked for together. */
const windowBytes = 1 << 14;

/** A decoder of the bytes in [start, end). */
interface Window {
  readonly start: number;
  readonly end: number;
  readonly decoder: Decoder;
}

export class CodeReader {
  readonly #module: Module;
  #window: Window | undefined;
  readonly instruction = new Instruction();
  constructor(module: Module) {
    this.#module = module;
  }

  /** Gives back the memory outside of the JavaScript heap. */
  free(): void {
    this.#window?.decoder.free();
    this.#window = undefined;
    this.instruction.free();
  }

  /**
   * Calls `visit` with the address of each instruction from `start` on, decoded in `this.instruction`, until
   * it returns true, the bytes of `end` are reached, or they are no code.
   */
  walk(start: number, end: number, visit: (at: number) => unknown): number {
    const region = this.#module.regions.find(
      (each) => each.executable && start >= each.start && start < each.end,
    );
    if (region === undefined) return start;
    const limit = Math.min(end, region.start + region.bytes.length, start + longestFunctionBytes);
    // A segment's memory can go on behind what the file holds of it.
    if (limit <= start) return start;
    const { decoder, start: first } = this.#windowOf(region, start, limit);
    decoder.position = start - first;
    decoder.ip = BigInt(start);
    const { instruction } = this;
    let at = start;
    while (at < limit && decoder.canDecode) {
      decoder.decodeOut(instruction);
      const length = instruction.length;
      if (length === 0) return at;
      if (visit(at) === true) return at + length;
      at += length;
    }
    return at;
  }

  /** With all instructions that begin in [start, limit). */
  #windowOf(region: Region, start: number, limit: number): Window {
    const regionEnd = region.start + region.bytes.length;
    const needed = Math.min(limit + longestInstructionBytes, regionEnd);
    if (this.#window && start >= this.#window.start && needed <= this.#window.end) return this.#window;
    this.#window?.decoder.free();
    const end = Math.min(Math.max(needed, start + windowBytes), regionEnd);
    const bytes = region.bytes.subarray(start - region.start, end - region.start);
    this.#window = { start, end, decoder: new Decoder(64, bytes, 0) };
    return this.#window;
  }
}

export function isPadding({ mnemonic }: Instruction): boolean {
  return mnemonic === Mnemonic.Nop || mnemonic === Mnemonic.Int3;
}
