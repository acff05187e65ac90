// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { type Probe, type Reading, takeReadings } from "../../src/bench/readings.js";
import { UklError } from "../../src/errors.js";

const metric = { part: "boot", name: "start", unit: "ms", better: "less", isEmulatedTime: false } as const;
const variants = [{ name: "unikernel" }, { name: "classic" }];
const how = { runs: 3, seed: 1, reference: "classic" };
const ignore = () => undefined;
const failure = new UklError("UKL-604", { what: "it stopped", cause: "no memory", fix: "give it more" });

type Named = (typeof variants)[number];

function probe(measure: (variant: Named) => readonly Reading[], isExact = false): Probe<Named> {
  return { part: "boot", step: "boots", isExact, measure: async (variant) => measure(variant) };
}

test("variants take turns, and another one is first each time", async () => {
  const order: string[] = [];
  const measured = probe(({ name }) => {
    order.push(name);
    return [{ ...metric, value: 1 }];
  });
  const fractions: number[] = [];
  await takeReadings(measured, variants, how, (fraction) => fractions.push(fraction));
  expect(order).toEqual(["unikernel", "classic", "classic", "unikernel", "unikernel", "classic"]);
  expect(fractions.at(-1)).toBe(1);
});

test("samples become medians, and ratios to the reference", async () => {
  const values = { unikernel: [4, 2, 3], classic: [6, 6, 6] };
  const measured = probe(({ name }) => [
    { ...metric, value: values[name as keyof typeof values].shift() ?? 0 },
  ]);
  expect((await takeReadings(measured, variants, how, ignore)).metrics).toMatchObject([
    {
      name: "start",
      results: [
        { variant: "unikernel", samples: [4, 2, 3], median: 3, deviation: 1, ratio: { value: 0.5 } },
        { variant: "classic", samples: [6, 6, 6], median: 6, deviation: 0 },
      ],
    },
  ]);
});

test("what is the same each time is measured once", async () => {
  const once = probe(() => [{ ...metric, value: 5 }], true);
  const { metrics } = await takeReadings(once, variants, how, ignore);
  expect(metrics[0]?.results[0]).toMatchObject({ samples: [5], ratio: { value: 1, low: 1, high: 1 } });
});

test("a variant that fails says why, and is not tried again", async () => {
  let tries = 0;
  const measured = probe(({ name }) => {
    if (name === "classic") return [{ ...metric, value: 1 }];
    tries += 1;
    throw failure;
  });
  const [start] = (await takeReadings(measured, variants, how, ignore)).metrics;
  expect(tries).toBe(1);
  expect(start?.results[0]).toEqual({
    kind: "notMeasured",
    variant: "unikernel",
    because: "it stopped: no memory",
  });
});

test("a figure that one variant lacks is told with its reason, and no ratio is made of it", async () => {
  const measured = probe(({ name }) => [
    name === "classic" ? { ...metric, because: "there is none" } : { ...metric, value: 7 },
  ]);
  const [start] = (await takeReadings(measured, variants, how, ignore)).metrics;
  expect(start?.results).toMatchObject([
    { kind: "measured", median: 7 },
    { kind: "notMeasured", because: "there is none" },
  ]);
  expect(start?.results[0]).not.toHaveProperty("ratio");
});

test("what was measured before a failure stays", async () => {
  const values = [8, 9];
  const measured = probe(({ name }) => {
    const value = name === "classic" ? 1 : values.shift();
    if (value === undefined) throw failure;
    return [{ ...metric, value }];
  });
  const { metrics } = await takeReadings(measured, variants, how, ignore);
  expect(metrics[0]?.results[0]).toMatchObject({ kind: "measured", samples: [8, 9] });
});

test("where all fail, there is a reason and no metric", async () => {
  const measured = probe(() => {
    throw failure;
  });
  const because = "it stopped: no memory";
  expect(await takeReadings(measured, variants, how, ignore)).toEqual({ metrics: [], because });
});

test("a bug is no figure that is missing", async () => {
  const measured = probe(() => {
    throw new TypeError("ours");
  });
  await expect(takeReadings(measured, variants, how, ignore)).rejects.toThrow("ours");
});
