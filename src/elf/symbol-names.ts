// SPDX-License-Identifier: MIT
/** Finds symbols by their names, of which only those with the same hash are decoded. */

import { once } from "./lazy.js";

/** Of 24 bits, so that it is computed in small integers. */
const hashMask = 0xffffff;

/** In place of an entry, for none. */
export const nobody = -1;

/** A hash with one more byte. What is not ASCII counts for nothing, so that text has the hash of its bytes. */
export function mixed(hash: number, byte: number): number {
  return byte < 0x80 ? ((hash << 5) + hash + byte) & hashMask : hash;
}

export function hashName(name: string): number {
  let hash = 0;
  for (let index = 0; index < name.length; index++) hash = mixed(hash, name.charCodeAt(index));
  return hash;
}

/** Entries with a hash each, to be found by it in their order. */
export class HashIndex {
  readonly #hashes: Uint32Array;
  /** By as many bits of the hash as there are chains. */
  readonly #firstOf: Int32Array;
  readonly #nextOf: Int32Array;

  constructor(hashes: Uint32Array) {
    const count = hashes.length;
    const chains = 2 ** Math.ceil(Math.log2(count + 1));
    const firstOf = new Int32Array(chains).fill(nobody);
    const nextOf = new Int32Array(count);
    // From the last to the first, so that the first one is at the head of its chain.
    for (let entry = count - 1; entry >= 0; entry--) {
      const chain = (hashes[entry] as number) & (chains - 1);
      nextOf[entry] = firstOf[chain] as number;
      firstOf[chain] = entry;
    }
    this.#hashes = hashes;
    this.#firstOf = firstOf;
    this.#nextOf = nextOf;
  }

  first(hash: number): number {
    return this.#skip(this.#firstOf[hash & (this.#firstOf.length - 1)] as number, hash);
  }

  /** The next one with the same hash. */
  next(entry: number): number {
    return this.#skip(this.#nextOf[entry] as number, this.#hashes[entry] as number);
  }

  #skip(from: number, hash: number): number {
    let entry = from;
    while (entry !== nobody && this.#hashes[entry] !== hash) entry = this.#nextOf[entry] as number;
    return entry;
  }
}

/** What finds symbols by hashes that are computed once they are asked for. */
export function nameFinder(
  count: number,
  hashOf: (symbol: number) => number,
  nameOf: (symbol: number) => string,
): { hashes(): Uint32Array; named(name: string): readonly number[] } {
  const hashes = once(() => {
    const all = new Uint32Array(count);
    for (let symbol = 0; symbol < count; symbol++) all[symbol] = hashOf(symbol);
    return all;
  });
  const index = once(() => new HashIndex(hashes()));
  return {
    hashes,
    named(name) {
      const found: number[] = [];
      const hash = hashName(name);
      for (let symbol = index().first(hash); symbol !== nobody; symbol = index().next(symbol)) {
        if (nameOf(symbol) === name) found.push(symbol);
      }
      return found;
    },
  };
}
