// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { factorOf, patience, testLimit } from "./patience.js";

test("twelve tasks on two processors take six times as long, now or in the last minute", () => {
  expect(factorOf(1, "0.10 0.05 0.01 12/300 4711\n", 2)).toBeGreaterThanOrEqual(6);
  expect(factorOf(1, "12.03 4.05 1.01 1/300 4711\n", 2)).toBeGreaterThanOrEqual(6);
});

test("a machine of a third of the speed has three times the time, and a fast one no less than an idle one", () => {
  const idle = "0.00 0.00 0.00 1/300 4711\n";
  expect(factorOf(3, idle, 2)).toBeGreaterThanOrEqual(3);
  expect(factorOf(1, idle, 64)).toBe(factorOf(1, idle, 2));
});

test("what the kernel says of this machine is understood, and a test's limit is beyond those within it", () => {
  expect(patience(1000)).toBeGreaterThanOrEqual(2000);
  expect(patience(1000)).toBeLessThan(Number.POSITIVE_INFINITY);
  expect(testLimit(1000)).toBeGreaterThanOrEqual(4000);
});
