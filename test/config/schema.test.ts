// SPDX-License-Identifier: MIT
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { configurationJsonSchema } from "../../src/config/schema.js";

test("the published JSON Schema is the one the configuration is checked with", async () => {
  const published = await readFile(new URL("../../docs/config.schema.json", import.meta.url), "utf8");
  expect(JSON.parse(published)).toEqual(configurationJsonSchema());
});

test("the JSON Schema allows one target, and no other members", () => {
  expect(configurationJsonSchema()).toMatchObject({
    not: {
      anyOf: expect.arrayContaining([
        { required: ["inputs", "program"] },
        { required: ["package", "image"] },
      ]) as unknown,
    },
    additionalProperties: false,
  });
});
