// SPDX-License-Identifier: MIT
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { inspectionJsonSchema } from "../../src/inspect/schema.js";

test("the published JSON Schema is the one of a report", async () => {
  const published = await readFile(new URL("../../docs/inspection.schema.json", import.meta.url), "utf8");
  expect(JSON.parse(published)).toEqual(inspectionJsonSchema());
});
