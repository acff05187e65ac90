// SPDX-License-Identifier: MIT
/** The table from what programs use to kernel options: kernel/config/needs.json, checked as it is read. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { once } from "../elf/lazy.js";
import { packageFile } from "../host/places.js";

const names = z.array(z.string().min(1)).min(1);
const reason = z.string().min(1);
const option = z.string().regex(/^[A-Z0-9_]+$/);

/** Any of the uses asks for all of the options, NAME for NAME=y. */
const need = z.strictObject({
  options: z.array(z.string().regex(/^[A-Z0-9_]+(=\d+)?$/)).min(1),
  always: z.literal(true).optional(),
  calls: names.optional(),
  /** Globs: `*` is a part of one component, `/**` the directory and all below it. */
  paths: names.optional(),
  families: names.optional(),
  features: names.optional(),
  reason,
});

/** Kconfig's dependencies among the options of the table, and what one of them turns on. */
const requirement = z.strictObject({ option, needs: option });

/** Uses that ask for nothing, since the code that has them does without: `source` is where one can see that. */
const excuse = z.strictObject({
  calls: names.optional(),
  paths: names.optional(),
  /** Only in these functions. Without them: wherever it is. */
  functions: names.optional(),
  /** Not in an image with a program that makes one of these calls. */
  unlessCalls: names.optional(),
  source: z.string().min(1),
  reason,
});

/** Calls that kernels may lack, and that no option of ours brings or takes. */
const fixedCalls = z.strictObject({ calls: names, reason });

const tableSchema = z.strictObject({
  needs: z.array(need),
  requires: z.array(requirement),
  withoutNeed: z.array(excuse),
  fixed: z.array(fixedCalls),
});

export type NeedsTable = z.infer<typeof tableSchema>;
export type Need = NeedsTable["needs"][number];
export type Excuse = NeedsTable["withoutNeed"][number];

/** Read and checked once. */
export const readNeeds = once(async (): Promise<NeedsTable> => {
  const text = await readFile(packageFile("kernel", "config", "needs.json"), "utf8");
  return tableSchema.parse(JSON.parse(text));
});

/** The JSON Schema published as docs/kernel-needs.schema.json. */
export function needsJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(tableSchema.meta({ title: "Kernel options by use, of ukl" }));
}

/** The name and value of an option as a row writes it. */
export function splitOption(text: string): readonly [name: string, value: string] {
  const [name = "", value = "y"] = text.split("=");
  return [name, value];
}

/** All that the table can turn on, sorted by name. */
export function tableOptions({ needs, requires }: NeedsTable): ReadonlyMap<string, string> {
  const options = new Map(requires.map(({ needs: name }) => [name, "y"]));
  for (const text of needs.flatMap((row) => row.options)) options.set(...splitOption(text));
  return new Map([...options].sort(([left], [right]) => (left < right ? -1 : 1)));
}
