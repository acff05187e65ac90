// SPDX-License-Identifier: MIT
/** `ukl inspect --trace`: runs the program under strace, and holds what it called against what was predicted. */
import { join } from "node:path";
import { z } from "zod";
import { UklError } from "../errors.js";
import { formatCommand } from "../host/exec.js";
import { readLines, withScratchDirectory, writeOutput } from "../host/files.js";
import { type ForegroundOptions, runTracer } from "../host/foreground.js";
import { identify } from "./loaded-object.js";
import type { Inspection } from "./schema.js";
import { readTrace, type Trace, traceSchema, uniteTraces } from "./trace-file.js";
import { type Seen, TraceReader } from "./trace-reader.js";

const names = z.array(z.string());

/** The published form of `ukl inspect --trace --json`. docs/trace-comparison.schema.json is made from it. */
export const traceComparisonSchema = z.object({
  schemaVersion: z.literal(1),
  /** How this run ended. */
  end: z.union([z.object({ exitStatus: z.number().int() }), z.object({ signal: z.string() })]),
  /** Of all runs. */
  trace: traceSchema,
  /** Whether the prediction holds no unresolved number. */
  complete: z.boolean(),
  predicted: names,
  seen: names,
  both: names,
  /** Seen, and not predicted: the prediction is too short. */
  unpredicted: names,
});

export type TraceComparison = z.infer<typeof traceComparisonSchema>;

export interface TraceRequest extends ForegroundOptions {
  readonly args: readonly string[];
  /** The trace of earlier runs, if it is there. */
  readonly earlier: string | undefined;
}

/** strace keeps nothing of what the program reads and writes: of strings only the paths are shown. */
export function straceOptions(traceFile: string): readonly string[] {
  return ["-f", "-q", "-n", "-y", "-s", "0", "-o", traceFile];
}

/** Throws UKL-201, UKL-701, UKL-702 and UKL-401. */
export async function traceProgram(inspection: Inspection, request: TraceRequest): Promise<TraceComparison> {
  const { path, sha256, kind } = inspection.target;
  if (kind !== "executable")
    throw notTraced(path, `nothing executes it: ${kind}`, "trace a program that uses it");
  const program = { path, sha256 };
  // Read before the run, so that a run is not lost to a file that is of no use.
  const earlier = request.earlier === undefined ? undefined : await readTrace(request.earlier, program);
  const { seen, end } = await watch(path, request);
  const run: Trace = {
    schemaVersion: 1,
    program,
    runs: 1,
    calls: [...seen.calls],
    loadedLater: loadedLater(inspection, seen),
    executed: [...seen.executed],
  };
  const none: Trace = { ...run, runs: 0, calls: [], loadedLater: [], executed: [] };
  return { ...compare(inspection, uniteTraces(earlier ?? none, run)), end };
}

export async function saveTrace(path: string, trace: Trace): Promise<void> {
  await writeOutput(path, `${JSON.stringify(trace, undefined, 2)}\n`);
}

async function watch(path: string, { args, stdout }: TraceRequest) {
  // Without a slash it would be looked for along PATH.
  const program = path.includes("/") ? path : `./${path}`;
  return await withScratchDirectory(async (directory) => {
    const traceFile = join(directory, "trace");
    await writeOutput(traceFile, "");
    const command = { tool: "strace", args: [...straceOptions(traceFile), program, ...args] };
    await runTracer(command, { stdout });
    const { id } = identify(program) ?? {};
    const seen = await readTraceFile(traceFile, (executed) => identify(executed)?.id === id);
    const { started, end } = seen;
    const byHand = `see what this gives: ${formatCommand(command)}`;
    if (!started) throw notTraced(path, "strace could not start it, and has said why", byHand);
    if (end === undefined) throw notTraced(path, "what strace wrote breaks off", byHand);
    return { seen, end };
  });
}

/** More of a line than any call takes. */
const lineLimit = 1 << 16;

async function readTraceFile(path: string, isTarget: (path: string) => boolean): Promise<Seen> {
  const reader = new TraceReader({ isTarget });
  for await (const line of readLines(path, lineLimit)) reader.read(line);
  return reader.seen();
}

function notTraced(path: string, cause: string, fix: string): UklError {
  return new UklError("UKL-701", { what: `${path} cannot be traced`, cause, fix });
}

function loadedLater({ libraries }: Inspection, { mapped }: Seen): string[] {
  const idOf = (path: string) => identify(path)?.id ?? path;
  const expected = new Set(libraries.map(({ path }) => idOf(path)));
  return [...mapped].filter((path) => !expected.has(idOf(path)));
}

function compare(inspection: Inspection, trace: Trace): Omit<TraceComparison, "end"> {
  const predicted = new Set(inspection.syscalls.map(({ name }) => name));
  const seen = [...new Set(trace.calls.map(({ name }) => name))].sort();
  return {
    schemaVersion: 1,
    trace,
    complete: inspection.complete,
    predicted: [...predicted].sort(),
    seen,
    both: seen.filter((name) => predicted.has(name)),
    unpredicted: seen.filter((name) => !predicted.has(name)),
  };
}

/** The error that an unpredicted call is. */
export function unpredictedCalls({ unpredicted, trace }: TraceComparison): UklError | undefined {
  if (unpredicted.length === 0) return undefined;
  const { loadedLater: later, program } = trace;
  return new UklError("UKL-703", {
    what: `${program.path} made calls that were not predicted: ${unpredicted.join(", ")}`,
    cause:
      later.length > 0
        ? `it also runs code that is not loaded at start: ${later.join(", ")}`
        : "the analysis does not see how it makes them",
    fix:
      later.length > 0
        ? `add what these files call: ukl inspect ${later.join(" ")}`
        : "allow these calls as well, and report this with the program",
  });
}

/** The JSON Schema published as docs/trace-comparison.schema.json. */
export function traceComparisonJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(traceComparisonSchema.meta({ title: "Trace comparison by ukl" }));
}
