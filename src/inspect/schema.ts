// SPDX-License-Identifier: MIT
/** What an inspection says: the published form of `ukl inspect --json`. docs/inspection.schema.json is made from it. */
import { z } from "zod";

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().nonnegative();
/** A virtual address of the file it is about, before relocation. */
const address = z.string().regex(/^0x[0-9a-f]+$/);

/** When a call can be made: until `main` is entered, from then on, or only through a part that is loaded later. */
const layers = ["startup", "main", "nss", "dlopen", "gconv", "vdso"] as const;

/** U. Drepper, "ELF Handling For Thread-Local Storage"; the last is a variant of general-dynamic. */
const tlsModels = ["local-exec", "initial-exec", "local-dynamic", "general-dynamic", "descriptor"] as const;

const evidence = z.object({
  /** Where the chain begins: an entry point, an initialiser, an exported function. */
  root: z.string(),
  /** Functions from the root to the site, as `library:symbol` or `library:0xaddress`. */
  chain: z.array(z.string()),
  library: z.string(),
  symbol: z.string(),
  /** Of the system call instruction. */
  offset: address,
});

const libraryUse = z.object({
  path: z.string(),
  soname: z.string().optional(),
  /** DT_NEEDED. */
  needed: z.array(z.string()),
  buildId: z.string().optional(),
  sizeBytes: count,
  /** Why it is in the closure. */
  reason: z.enum(["program", "interpreter", "needed", "nss", "gconv", "dlopen"]),
  /** For what is loaded by name: the functions that name it, as `library:symbol at 0xaddress`. */
  namedBy: z.array(z.string()),
  /** Symbols bound from it, with who binds them. Empty: it is needed on paper only. */
  boundSymbols: z.array(
    z.object({ name: z.string(), version: z.string().optional(), users: z.array(z.string()) }),
  ),
  /** Of an archive: what the program got of it, in the order of the link. */
  members: z.array(z.string()).optional(),
  /** DT_VERNEED: the versions that others want of it. */
  versions: z.array(z.object({ name: z.string(), users: z.array(z.string()) })),
});

/** What a program looks for while it runs, beside what it is started with. */
const fileUse = z.object({
  /** Absolute; ending with a slash for a directory of which files are chosen then; a bare name for a missing library. */
  path: z.string(),
  kind: z.enum([
    "nss",
    "gconv",
    "locale",
    "timezone",
    "certificates",
    "configuration",
    "dlopen",
    "loader",
    "program",
    "path",
  ]),
  reason: z.string(),
  /** The chain of functions to the one that mentions it, or that opens such files. */
  evidence: z.string(),
  /** Where live code has this path: all functions and objects that refer to it, as `library:symbol`. */
  mentionedBy: z.array(z.string()).optional(),
});

const unknownSite = z.object({
  library: z.string(),
  symbol: z.string(),
  offset: address,
  /** Whether a chain of calls from a root leads there. */
  reached: z.boolean(),
  reason: z.string(),
});

const verdict = z.object({
  outcome: z.enum(["works", "works with notes", "will not work"]),
  findings: z.array(
    z.object({
      severity: z.enum(["note", "obstacle"]),
      what: z.string(),
      evidence: z.string(),
      fix: z.string(),
    }),
  ),
});

export const inspectionSchema = z.object({
  schemaVersion: z.literal(1),
  /** `precise` reports what it could not resolve; `strict` widens it to every call. */
  mode: z.enum(["precise", "strict"]),
  /** False when a reached site is unresolved: then the list may be too short. */
  complete: z.boolean(),
  target: z.object({
    path: z.string(),
    sha256: digest,
    kind: z.enum(["executable", "shared library", "object", "archive", "image"]),
    arch: z.literal("x86-64"),
    interp: z.string().optional(),
    pie: z.boolean(),
    stripped: z.boolean(),
  }),
  libraries: z.array(libraryUse),
  /** Named by DT_NEEDED, and not found. */
  missingLibraries: z.array(z.object({ name: z.string(), neededBy: z.string() })),
  /** Of an object or archive: what no library defines, once for each name; without weak references. */
  undefinedSymbols: z.array(z.object({ name: z.string(), neededBy: z.string() })),
  /** As far as constant text and the functions in use tell. */
  files: z.array(fileUse),
  syscalls: z.array(
    z.object({
      name: z.string(),
      number: count,
      layers: z.array(z.enum(layers)),
      /** All functions with an instruction that can make it, as `library:symbol`. */
      functions: z.array(z.string()),
      evidence: z.array(evidence),
    }),
  ),
  /** Every system call instruction of the closure is in exactly one of the classes. */
  sites: z.object({ total: count, constant: count, wrapper: count, unknown: count, unreached: count }),
  unknownSites: z.array(unknownSite),
  tls: z.object({
    /** Of all modules loaded at start, with the gaps between them. */
    staticBytes: count,
    /** What of the stack of a thread is not for its frames; of libc's own part only what its files tell. */
    threadBytes: count,
    threadParts: z.array(z.object({ what: z.string(), bytes: count, evidence: z.string() })),
    modules: z.array(z.object({ library: z.string(), memoryBytes: count, alignBytes: count })),
    models: z.array(z.object({ model: z.enum(tlsModels), libraries: z.array(z.string()) })),
  }),
  features: z.array(z.object({ name: z.string(), evidence: z.string() })),
  /** Families that socket(2) and socketpair(2) are asked for, where that is constant. */
  socketFamilies: z.array(z.object({ name: z.string().regex(/^AF_[A-Z0-9]+$/), evidence: z.string() })),
  verdicts: z.object({ unikernel: verdict, classic: verdict }),
  timingsMs: z.record(z.string(), z.number().nonnegative()),
});

export type Inspection = z.infer<typeof inspectionSchema>;
export type Layer = (typeof layers)[number];

/** The JSON Schema published as docs/inspection.schema.json. */
export function inspectionJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(inspectionSchema.meta({ title: "Inspection by ukl" }));
}
