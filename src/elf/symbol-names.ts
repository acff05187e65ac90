// SPDX-License-Identifier: MIT
/** Finds symbols by their names, of which only those with the same hash are decoded. */

/** Of 24 bits, so that it is computed in small integers. */
const hashMask = 0xffffff;

export type FindSymbols = (name: string, hash?: number) => readonly number[];

const noneFound: readonly number[] = [];
/** Ends a chain. */
const nobody = -1;

/** A hash with one more byte. What is not ASCII counts for nothing, so that text has the hash of its bytes. */
export function mixed(hash: number, byte: number): number {
  return byte < 0x80 ? ((hash << 5) + hash + byte) & hashMask : hash;
}

export function hashName(name: string): number {
  let hash = 0;
  for (let index = 0; index < name.length; index++) hash = mixed(hash, name.charCodeAt(index));
  return hash;
}

/** The symbols of a name, in the order of the table. */
export function indexNames(
  count: number,
  hashOf: (symbol: number) => number,
  nameOf: (symbol: number) => string,
): FindSymbols {
  const chains = 2 ** Math.ceil(Math.log2(count + 1));
  const firstOf = new Int32Array(chains).fill(nobody);
  const nextOf = new Int32Array(count);
  const hashes = new Uint32Array(count);
  // From the last to the first, so that the first one is at the head of its chain.
  for (let symbol = count - 1; symbol >= 0; symbol--) {
    const hash = hashOf(symbol);
    const chain = hash & (chains - 1);
    hashes[symbol] = hash;
    nextOf[symbol] = firstOf[chain] as number;
    firstOf[chain] = symbol;
  }
  return (name, hash = hashName(name)) => {
    let found = noneFound;
    let symbol = firstOf[hash & (chains - 1)] as number;
    for (; symbol !== nobody; symbol = nextOf[symbol] as number) {
      if (hashes[symbol] === hash && nameOf(symbol) === name) found = [...found, symbol];
    }
    return found;
  };
}
