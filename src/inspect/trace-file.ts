// SPDX-License-Identifier: MIT
/**
 * What was seen of a program at work, over one run or several: the published form of `--trace-save`.
 * docs/trace.schema.json is made from it.
 */
import { z } from "zod";
import { UklError } from "../errors.js";
import { isSystemError, readInput } from "../host/files.js";

const count = z.number().int().positive();
const paths = z.array(z.string());

export const traceSchema = z.object({
  schemaVersion: z.literal(1),
  program: z.object({ path: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  runs: count,
  /** Sorted by name. `i386`: through `int $0x80`, whose table is another one. */
  calls: z.array(z.object({ name: z.string().regex(/^\w+$/), abi: z.enum(["x86-64", "i386"]), count })),
  /** Files that were mapped as code and are not what the loader loads at start: by dlopen, LD_PRELOAD or the like. */
  loadedLater: paths,
  /** Other files that its processes executed. What was called then is not counted. */
  executed: paths,
});

export type Trace = z.infer<typeof traceSchema>;

/** The trace at `path`; undefined when there is none yet. Throws UKL-201 and UKL-702. */
export async function readTrace(path: string, program: Trace["program"]): Promise<Trace | undefined> {
  const text = await readInput(path).catch((error: unknown) => {
    if (error instanceof UklError && isSystemError(error.cause) && error.cause.code === "ENOENT")
      return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const trace = parseTrace(path, text.toString("utf8"));
  if (trace.program.sha256 === program.sha256) return trace;
  throw unusable(path, `it is of another program: ${trace.program.path}, sha256 ${trace.program.sha256}`);
}

function parseTrace(path: string, text: string): Trace {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unusable(path, error instanceof Error ? error.message : String(error));
  }
  const result = traceSchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw unusable(path, `${issue?.path.join(".") || "it"}: ${issue?.message}`);
}

function unusable(path: string, cause: string): UklError {
  return new UklError("UKL-702", {
    what: `${path} cannot be extended`,
    cause,
    fix: "name another file for the trace, or remove this one",
  });
}

export function uniteTraces(earlier: Trace, later: Trace): Trace {
  const calls = new Map<string, Trace["calls"][number]>();
  for (const call of [...earlier.calls, ...later.calls]) {
    const key = `${call.name} ${call.abi}`;
    const sum = call.count + (calls.get(key)?.count ?? 0);
    calls.set(key, { ...call, count: Math.min(sum, Number.MAX_SAFE_INTEGER) });
  }
  const unite = (one: readonly string[], other: readonly string[]) => [...new Set([...one, ...other])].sort();
  return {
    ...later,
    runs: Math.min(earlier.runs + later.runs, Number.MAX_SAFE_INTEGER),
    calls: [...calls].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, call]) => call),
    loadedLater: unite(earlier.loadedLater, later.loadedLater),
    executed: unite(earlier.executed, later.executed),
  };
}

/** The JSON Schema published as docs/trace.schema.json. */
export function traceJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(traceSchema.meta({ title: "Trace by ukl" }));
}
