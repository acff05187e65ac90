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

/** The indices of values by rising value, those of equal ones in their order. */
export function orderOf(values: Float64Array): Uint32Array {
  const count = values.length;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < count; index++) {
    const value = values[index] as number;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  // Value and index in one number: numbers by themselves are sorted many times as fast as by a function that compares.
  if (!Number.isSafeInteger((high - low + 1) * count)) {
    const order = Uint32Array.from(values.keys());
    return order.sort((a, b) => (values[a] as number) - (values[b] as number));
  }
  const keys = new Float64Array(count);
  for (let index = 0; index < count; index++) keys[index] = ((values[index] as number) - low) * count + index;
  keys.sort();
  const order = new Uint32Array(count);
  for (let place = 0; place < count; place++) order[place] = (keys[place] as number) % count;
  return order;
}

type Numbers = readonly number[] | Float64Array;

/** Ranges by rising start, and those of one start by rising end. */
export function sortRanges(ranges: { readonly starts: Numbers; readonly ends: Numbers }) {
  const byEnd = sortRangesBy(ranges.ends, ranges);
  return sortRangesBy(byEnd.starts, byEnd);
}

function sortRangesBy(values: Numbers, ranges: { readonly starts: Numbers; readonly ends: Numbers }) {
  const order = orderOf(Float64Array.from(values));
  const sorted = { starts: new Float64Array(order.length), ends: new Float64Array(order.length) };
  for (let index = 0; index < order.length; index++) {
    sorted.starts[index] = ranges.starts[order[index] as number] as number;
    sorted.ends[index] = ranges.ends[order[index] as number] as number;
  }
  return sorted;
}
