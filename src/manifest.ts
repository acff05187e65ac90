// SPDX-License-Identifier: MIT
/**
 * The manifest that every image carries in an ELF note, as JSON: what it was made from and what is in it.
 * It is written by the link and read back, as untrusted input, by `inspect` and `run`.
 */
import { z } from "zod";
import { hostnamePattern, limitNumbers } from "./machine-options.js";
import { maskPolicies } from "./mask/policy.js";
import { netPattern, parsePort } from "./network-options.js";

/** The note's name and type in the image's PT_NOTE segment. */
export const manifestNote = { name: "uklkit", type: 0x554b4c01 } as const;

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const size = z.number().int().nonnegative();
const limitValue = z.string().regex(/^(?:\d{1,18}|unlimited)$/);
const address = z.string().regex(/^0x[0-9a-f]+$/);

export const manifestSchema = z.object({
  schemaVersion: z.literal(1),
  tool: z.string(),
  name: z.string().min(1),
  mode: z.enum(["unikernel", "classic"]),
  kernel: z.object({
    version: z.string(),
    key: digest,
    configurationDigest: digest,
    compiler: z.string(),
    /** Absent in older images, which have the generic one. */
    base: z.enum(["special", "generic"]).optional(),
    /** What was chosen over the base, each with what asks for it. */
    options: z
      .array(z.object({ name: z.string(), value: z.string(), neededBy: z.array(z.string()) }))
      .optional(),
  }),
  inputs: z.array(z.object({ name: z.string(), sha256: digest })),
  application: z.object({
    guestPath: z.string().startsWith("/"),
    /** From argv[0] on, what stands in front of the arguments. Absent in older images, which have the path. */
    leading: z.array(z.string()).min(1).optional(),
    /** "/" where there is none. */
    workingDirectory: z.string().startsWith("/").optional(),
    /** Whose accounts a user is one of: the image's own where it is from a container, otherwise also the host's. */
    accounts: z.literal("own").optional(),
    /** Root where there is none. */
    user: z.object({ uid: size, gid: size, groups: z.array(size) }).optional(),
    /** What asks it to end. SIGTERM where there is none. */
    stopSignal: z.int().min(1).max(64).optional(),
    kind: z.enum(["executable", "pie"]),
    entry: address,
    sizeBytes: size,
    sha256: digest,
    segments: z.array(z.object({ vaddr: address, fileBytes: size, memoryBytes: size, flags: z.string() })),
    tls: z
      .object({
        vaddr: address,
        fileBytes: size,
        memoryBytes: size,
        alignBytes: size,
        tpOffset: z.number().int(),
      })
      .optional(),
  }),
  /** That the application can make, by name; not all of them when it is not complete. Absent in older images. */
  systemCalls: z.object({ complete: z.boolean(), names: z.array(z.string()) }).optional(),
  /** Calls that the image answers without the kernel: those that are not listed above. Absent in older images. */
  mask: z
    .object({
      policy: z.enum([...maskPolicies, "none"]),
      masked: size,
      /** With another policy, by name. */
      others: z.record(z.string(), z.string()),
      /** Why nothing is masked although nobody said so. */
      notApplied: z.string().optional(),
    })
    .optional(),
  /** Of the program and the libraries in the image: instructions that became calls, and others by reason. */
  sites: z
    .object({ bound: size, left: z.record(z.string(), size), shortcuts: z.array(z.string()).optional() })
    .optional(),
  arguments: z.array(z.string()),
  environment: z.record(z.string(), z.string()),
  files: z.array(z.object({ path: z.string(), sha256: digest })),
  ring0Programs: z.array(z.string()),
  kernelSymbols: z.array(z.string()),
  /** All that is unpacked at start. Absent in older images. */
  rootBytes: size.optional(),
  /** Of that, what gets memory beside that of the image. Absent in older images, where all does. */
  copiedBytes: size.optional(),
  run: z.object({
    memory: z.string(),
    cpus: z.number().int().positive(),
    /** As -p and --net have them. Absent in older images. */
    ports: z.array(z.string().refine((port) => parsePort(port) !== undefined)).optional(),
    net: z.string().regex(netPattern).optional(),
    /** Where the configuration has them. */
    accelerator: z.enum(["auto", "kvm", "tcg"]).optional(),
    timeoutSeconds: z.number().positive().optional(),
    /** Where it was asked for. */
    hostname: z.string().regex(hostnamePattern).optional(),
  }),
  /** What init makes of the machine. Absent in older images, and where the program would not notice. */
  machine: z
    .object({
      hostname: z.string().max(64),
      limits: z.record(
        z.string().refine((name) => Object.hasOwn(limitNumbers, name)),
        z.object({ soft: limitValue, hard: limitValue }),
      ),
      settings: z.record(z.string().regex(/^\/proc\/sys\/[\w./-]+$/), z.string().regex(/^[ -~]+$/)),
    })
    .optional(),
});

export type Manifest = z.infer<typeof manifestSchema>;
