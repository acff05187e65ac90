// SPDX-License-Identifier: MIT
/**
 * Turns what zod found wrong into one complaint a person can act on: which place, what was expected there,
 * what was found, and the likely intention behind a misspelling.
 */
import { inspect } from "node:util";
import type { z } from "zod";
import { nearest } from "../nearest.js";
import { configurationJsonSchema } from "./schema.js";
import type { Place } from "./source.js";

export interface Complaint {
  readonly place: Place;
  /** Path, expectation and finding on one line, such as `run.cpus: expected …, found 0`. */
  readonly text: string;
}

/** Explains the first of zod's issues about `value`. */
export function explainIssue(issue: z.core.$ZodIssue, value: unknown): Complaint {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    return {
      place: { path: [...path, key], at: "key" },
      text: formatPath(path) + unknownKey(key, knownKeys(path)),
    };
  }
  if (issue.code === "invalid_key") {
    return {
      place: { path, at: "key" },
      text: `${formatPath(path.slice(0, -1))}expected ${issue.issues[0]?.message}, found ${show(path.at(-1))}`,
    };
  }
  const found = valueAt(value, path);
  const text = `${formatPath(path)}expected ${issue.message}, found ${foundInstead(issue, found)}`;
  const values = issue.code === "invalid_value" ? issue.values.map(String) : [];
  return { place: { path, at: "value" }, text: text + didYouMean(String(found), values) };
}

function unknownKey(key: string, known: readonly string[]): string {
  const meant = didYouMean(key, known);
  return meant === ""
    ? `expected one of ${known.join(", ")}, found ${show(key)}`
    : `expected a known name, found ${show(key)}${meant}`;
}

function didYouMean(word: string, candidates: readonly string[]): string {
  const best = nearest(word, candidates).find(
    ({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)),
  );
  return best === undefined ? "" : `; did you mean ${show(best.candidate)}?`;
}

/** The members the schema knows below `path`. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  let schema = configurationJsonSchema();
  for (const key of path) {
    const member = schema.properties?.[String(key)];
    if (typeof member !== "object") return [];
    schema = member;
  }
  return Object.keys(schema.properties ?? {});
}

function foundInstead(issue: z.core.$ZodIssue, found: unknown): string {
  const stated: unknown = issue.code === "custom" ? issue.params?.["found"] : undefined;
  return typeof stated === "string" ? stated : show(found);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (object, key) => (typeof object === "object" && object !== null ? Reflect.get(object, key) : undefined),
    value,
  );
}

function formatPath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "";
  const steps = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`));
  return `${steps.join("").replace(/^\./, "")}: `;
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const shown =
    typeof value === "string" ? JSON.stringify(value) : inspect(value, { depth: 1, breakLength: Infinity });
  return shown.length <= 80 ? shown : `${shown.slice(0, 79)}…`;
}
