// SPDX-License-Identifier: MIT
/** Search in sorted arrays of addresses. */

/** Index of the first value at or above `value`; the length when there is none. */
export function lowerBound(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the first value above `value`; the length when there is none. Written out: this is where time goes. */
export function upperBound(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** All of several lists, each address once. */
export function sortedAddresses(lists: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(lists.reduce((count, list) => count + list.length, 0));
  let filled = 0;
  for (const list of lists) {
    all.set(list, filled);
    filled += list.length;
  }
  all.sort();
  let count = 0;
  for (let index = 0; index < all.length; index++) {
    const address = all[index] as number;
    if (count === 0 || all[count - 1] !== address) all[count++] = address;
  }
  return all.slice(0, count);
}
