// SPDX-License-Identifier: MIT
/** Search in sorted arrays of addresses. */

/** Index of the first value at or above `value`; the length when there is none. */
export function lowerBound(sorted: Float64Array, value: number): number {
  return search(sorted, (each) => each < value);
}

/** Index of the first value above `value`; the length when there is none. */
export function upperBound(sorted: Float64Array, value: number): number {
  return search(sorted, (each) => each <= value);
}

function search(sorted: Float64Array, isBefore: (value: number) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(sorted[middle] ?? Number.POSITIVE_INFINITY)) low = middle + 1;
    else high = middle;
  }
  return low;
}
