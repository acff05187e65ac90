// SPDX-License-Identifier: MIT
/** The order of values is that of a stable sort, also of values that are too far apart for one number with their index. */
import { expect, test } from "vitest";
import { orderOf } from "../../src/inspect/sorted.js";

test.each([
  ["none", []],
  ["one", [5]],
  ["equal ones", [9, 4, 9, 4, 4, 9]],
  ["addresses", [0x401000, 0x400000, 0x402000, 0x401000, 0x400008]],
  ["those that are far apart", [2 ** 60, 1, 2 ** 52, 1, 2 ** 60, 0]],
  ["negative ones", [-5, 3, -5, 0]],
])("the order of %s", (_, values) => {
  const stable = [...values.keys()].sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  expect([...orderOf(Float64Array.from(values))]).toEqual(stable);
});
