// SPDX-License-Identifier: MIT
/**
 * Reads which calls a program makes from a file: a trace that `ukl inspect --trace-save` kept, a JSON list, or
 * names with white space between them, as `ukl inspect --names` prints.
 */
import { z } from "zod";
import { UklError } from "../errors.js";
import { readInput } from "../host/files.js";
import { parseJson } from "../json.js";
import type { ListedCalls } from "./choose.js";

const name = z.string().regex(/^\w+$/);
const listSchema = z.union([
  z.array(name).min(1),
  z
    .object({ schemaVersion: z.literal(1), calls: z.array(z.object({ name, abi: z.string() })).min(1) })
    .transform(({ calls }) => calls.filter(({ abi }) => abi === "x86-64").map((call) => call.name)),
]);

/** Throws UKL-201 and UKL-113. */
export async function readCallList(path: string): Promise<ListedCalls> {
  const text = (await readInput(path)).toString("utf8");
  const value = parseJson(text) ?? text.split(/\s+/).filter((word) => word !== "");
  const list = listSchema.safeParse(value);
  if (list.success) return { path, names: list.data };
  throw new UklError("UKL-113", {
    what: `${path} is no list of system calls`,
    cause: "it is neither a trace, nor a JSON list of names, nor plain names",
    fix: "make one with 'ukl inspect PROGRAM --trace-save FILE -- ARGS', or write one name a line",
  });
}
