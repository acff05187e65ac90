// SPDX-License-Identifier: MIT
import { describe, expect, test } from "vitest";
import { median, quantile, ratioOf, summarize } from "../../src/bench/statistics.js";

describe("median and deviation", () => {
  test.each([
    { samples: [7], median: 7, deviation: 0 },
    { samples: [3, 1, 2], median: 2, deviation: 1 },
    { samples: [1, 2, 3, 4], median: 2.5, deviation: 1 },
    // One far too high moves neither: deviations 1, 1, 0, 2, 95 have the median 1.
    { samples: [4, 6, 5, 3, 100], median: 5, deviation: 1 },
  ])("of $samples", ({ samples, ...expected }) => {
    expect(summarize(samples)).toEqual(expected);
  });

  test("samples stay as they are", () => {
    const samples = [3, 1, 2];
    summarize(samples);
    expect(samples).toEqual([3, 1, 2]);
  });

  test("nothing has no median", () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

test.each([
  // As R's quantile(c(1, 2, 4, 8), type = 7) has them.
  [0, 1],
  [0.25, 1.75],
  [0.5, 3],
  [0.75, 5],
  [1, 8],
])("quantile %d", (probability, expected) => {
  expect(quantile([1, 2, 4, 8], probability)).toBe(expected);
});

describe("ratio", () => {
  test("of two exact figures is exact", () => {
    expect(ratioOf([99], [198], 1)).toEqual({ value: 0.5, low: 0.5, high: 0.5 });
  });

  test("of samples without spread has no interval", () => {
    expect(ratioOf([3, 3, 3], [4, 4, 4], 1)).toEqual({ value: 0.75, low: 0.75, high: 0.75 });
  });

  test("is the same for the same seed, and another one for another", () => {
    const [one, other] = [normal(31, 10, 1, 1), normal(31, 20, 2, 2)];
    expect(ratioOf(one, other, 5)).toEqual(ratioOf(one, other, 5));
    expect(ratioOf(one, other, 5)).not.toEqual(ratioOf(one, other, 6));
  });

  test("its interval holds the true ratio about as often as it says", () => {
    let held = 0;
    for (let round = 0; round < 60; round++) {
      const { low, high } = ratioOf(normal(9, 10, 1, 2 * round), normal(9, 20, 2, 2 * round + 1), round);
      if (low <= 0.5 && 0.5 <= high) held += 1;
    }
    expect(held).toBeGreaterThanOrEqual(53);
  });

  test("its interval leaves out what is not the ratio", () => {
    const { low, high } = ratioOf(normal(25, 10, 0.1, 3), normal(25, 20, 0.2, 4), 1);
    expect(low).toBeGreaterThan(0.47);
    expect(high).toBeLessThan(0.53);
  });
});

/** Samples of a normal distribution, by Box and Muller's method from a linear congruential generator. */
function normal(count: number, mean: number, deviation: number, seed: number): readonly number[] {
  let state = seed + 12345;
  const uniform = () => {
    state = (1103515245 * state + 12345) % 2 ** 31;
    return (state + 1) / (2 ** 31 + 1);
  };
  for (let warm = 0; warm < 10; warm++) uniform();
  return Array.from({ length: count }, () => {
    const [one, other] = [uniform(), uniform()];
    return mean + deviation * Math.sqrt(-2 * Math.log(one)) * Math.cos(2 * Math.PI * other);
  });
}
