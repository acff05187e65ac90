// SPDX-License-Identifier: MIT
/** Inspections written by hand, for the tests of what is made of them. */
import { type Inspection, inspectionSchema, type Layer } from "../../src/inspect/schema.js";
import { syscallNumber } from "../../src/inspect/syscall-names.js";

type Call = Inspection["syscalls"][number];
type Library = Inspection["libraries"][number];
type UnknownSite = Inspection["unknownSites"][number];

/** A small complete inspection of /bin/hello, checked with the schema. */
export function makeInspection(changes: Partial<Inspection> = {}): Inspection {
  return inspectionSchema.parse({
    schemaVersion: 1,
    mode: "precise",
    complete: true,
    target: {
      path: "/bin/hello",
      sha256: "0123456789abcdef".repeat(4),
      kind: "executable",
      arch: "x86-64",
      interp: "/lib64/ld-linux-x86-64.so.2",
      pie: true,
      stripped: true,
    },
    libraries: [],
    missingLibraries: [],
    undefinedSymbols: [],
    files: [],
    syscalls: [makeCall("write"), makeCall("exit_group")],
    sites: { total: 4, constant: 2, wrapper: 1, unknown: 0, unreached: 1 },
    unknownSites: [],
    tls: { staticBytes: 0, threadBytes: 0, threadParts: [], modules: [], models: [] },
    features: [],
    socketFamilies: [],
    verdicts: {
      unikernel: { outcome: "works", findings: [] },
      classic: { outcome: "works", findings: [] },
    },
    timingsMs: {},
    ...changes,
  });
}

export function makeCall(name: string, layers: readonly Layer[] = ["main"], symbol: string = name): Call {
  const number = syscallNumber(name);
  if (number === undefined) throw new Error(`the test names no system call: ${name}`);
  const evidence = {
    root: "_start",
    chain: ["hello:main", `libc.so.6:${symbol}`],
    library: "libc.so.6",
    symbol,
    offset: "0x1234",
  };
  return { name, number, layers: [...layers], functions: [`libc.so.6:${symbol}`], evidence: [evidence] };
}

export function makeLibrary(changes: Partial<Library> = {}): Library {
  return {
    path: "/lib/x86_64-linux-gnu/libc.so.6",
    soname: "libc.so.6",
    needed: [],
    sizeBytes: 1_922_136,
    reason: "needed",
    namedBy: [],
    boundSymbols: [{ name: "puts", version: "GLIBC_2.2.5", users: ["hello"] }],
    versions: [],
    ...changes,
  };
}

export function makeUnknownSite(changes: Partial<UnknownSite> = {}): UnknownSite {
  return {
    library: "/lib/x86_64-linux-gnu/libc.so.6",
    symbol: "syscall",
    offset: "0xf1d2a",
    reached: true,
    reason: "the number is an argument of a function whose address is taken",
    ...changes,
  };
}
