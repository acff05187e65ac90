// SPDX-License-Identifier: MIT
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { inspectionJsonSchema } from "../../src/inspect/schema.js";
import { traceComparisonJsonSchema } from "../../src/inspect/trace.js";
import { traceJsonSchema } from "../../src/inspect/trace-file.js";

test.each([
  ["inspection", inspectionJsonSchema],
  ["trace", traceJsonSchema],
  ["trace-comparison", traceComparisonJsonSchema],
])("the published JSON Schema %s is the one of what is printed", async (name, schema) => {
  const published = await readFile(new URL(`../../docs/${name}.schema.json`, import.meta.url), "utf8");
  expect(JSON.parse(published)).toEqual(schema());
});
