// SPDX-License-Identifier: MIT
/**
 * What a configuration may hold: the border where its untrusted value becomes a typed one.
 *
 * Every leaf carries, as its zod error, the phrase that follows "expected" in a message (explain.ts). The
 * JSON Schema that editors use comes from the same value.
 */
import { z } from "zod";
import { hostnamePattern, limitNumbers, parseLimit } from "../machine-options.js";
import { maskPolicies } from "../mask/policy.js";
import { netPattern, netUsage, parsePort, portUsage } from "../network-options.js";
import type { Configuration } from "./define.js";

/** setTimeout takes 2^31 - 1 milliseconds at most. */
const longestTimeoutSeconds = 2_147_483;

function text(expected: string, pattern?: RegExp) {
  const string = z.string({ error: expected });
  // A NUL cannot be part of a path, an argument or an environment variable.
  return pattern === undefined
    ? string.refine((value) => !value.includes("\0"), { error: `${expected} without a NUL character` })
    : string.regex(pattern, { error: expected });
}

function list<Element extends z.ZodType>(element: Element, expected: string) {
  return z.array(element, { error: expected });
}

const hostPath = text("a path", /^[^\0]+$/);
const guestPath = text(
  "an absolute guest path without . or .. components",
  /^(?:\/(?!\.{1,2}(?:\/|$))[^/\0]+)+$/,
);

const workingDirectory = z.union([z.literal("/"), guestPath], {
  error: "an absolute guest path without . or .. components",
});

const optionValue = 'a one-line string such as "y" or "n", or a whole number';
const kernel = z.strictObject(
  {
    base: z.enum(["special", "generic"], { error: '"special" or "generic"' }).optional(),
    source: hostPath.optional(),
    options: z
      .record(
        z.templateLiteral(["CONFIG_", z.string().regex(/^\w+$/)], {
          error: "an option name such as CONFIG_PROC_FS",
        }),
        z.union([text(optionValue, /^[^\0\r\n]*$/), z.int({ error: optionValue })], { error: optionValue }),
        { error: "an object of Kconfig options" },
      )
      .default({}),
    symbols: list(text("the name of a kernel symbol", /^[A-Za-z_]\w*$/), "a list of kernel symbols").default(
      [],
    ),
  },
  { error: "an object" },
);

const files = z.strictObject(
  {
    include: z.record(guestPath, hostPath, { error: "an object from guest paths to host paths" }).default({}),
  },
  { error: "an object" },
);

const ring0 = z.strictObject(
  { programs: list(guestPath, "a list of guest paths").default([]) },
  { error: "an object" },
);

const policy = z.enum(maskPolicies);
const policyNames = maskPolicies.map((name) => `"${name}"`).join(", ");
const mask = z.strictObject(
  {
    default: z.enum([...policy.options, "none"], { error: `one of ${policyNames} and "none"` }).optional(),
    calls: z
      .record(
        text("the name of a system call", /^\w+$/),
        z.enum([...policy.options, "allow"], { error: `one of ${policyNames} and "allow"` }),
        { error: "an object from system calls to policies" },
      )
      .default({}),
    from: hostPath.optional(),
  },
  { error: "an object" },
);

export const sizePattern = /^[1-9]\d{0,6}[MG]$/;
const size = text('a size such as "128M" or "1G"', sizePattern);

const volume = z.strictObject(
  { host: hostPath, readOnly: z.boolean({ error: "true or false" }).default(false) },
  { error: "an object with the host's directory" },
);
const disk = z.strictObject(
  { file: hostPath, size: size.optional() },
  { error: "an object with the disk's file" },
);

const limit = 'a limit such as "1024:524288", written SOFT[:HARD], numbers or "unlimited"';
const limitName = `one of ${Object.keys(limitNumbers).join(", ")}`;
const cpus = "a whole number from 1 to 64";
const timeout = `a positive number of seconds, at most ${longestTimeoutSeconds}`;
const port = `a port such as "8080:80", written ${portUsage}`;
const run = z.strictObject(
  {
    memory: size.optional(),
    cpus: z.int({ error: cpus }).min(1, { error: cpus }).max(64, { error: cpus }).optional(),
    ports: list(
      text(port).refine((value) => parsePort(value) !== undefined, { error: port }),
      "a list of ports",
    ).default([]),
    net: text(`one of ${netUsage}`, netPattern).optional(),
    accelerator: z.enum(["auto", "kvm", "tcg"], { error: 'one of "auto", "kvm" and "tcg"' }).default("auto"),
    timeoutSeconds: z
      .number({ error: timeout })
      .positive({ error: timeout })
      .max(longestTimeoutSeconds, { error: timeout })
      .optional(),
    volumes: z.record(guestPath, volume, { error: "an object from guest paths to volumes" }).default({}),
    hostname: text("a host name of letters, digits, '.' and '-', at most 64", hostnamePattern).optional(),
    ulimits: z
      .record(
        text(limitName).refine((name) => Object.hasOwn(limitNumbers, name), { error: limitName }),
        text(limit).refine((value) => parseLimit(value) !== undefined, { error: limit }),
        { error: "an object from names of limits to limits" },
      )
      .default({}),
    disks: z.record(guestPath, disk, { error: "an object from guest paths to disks" }).default({}),
  },
  { error: "an object" },
);

const input = text(
  "a path that ends in .c, .cc, .cpp, .cxx, .S, .s, .o or .a",
  /^[^\0]+\.(?:cc?|cpp|cxx|S|s|o|a)$/,
);
const packageTarget = text(
  'the name of a Debian package, and behind a slash that of its program, such as "git/git"',
  /^[a-z0-9][a-z0-9+.-]+(?:\/[\w.+-]+)?$/,
);
const variableName = text("the name of an environment variable", /^[^=\0]+$/);

/** What an application is made from: one of these. */
export const targetNames = ["inputs", "program", "package", "image"] as const;

function targetsOf(value: Partial<Record<(typeof targetNames)[number], unknown>>): readonly unknown[] {
  return targetNames.map((name) => value[name]).filter((target) => target !== undefined);
}

export const configurationSchema = z
  .strictObject(
    {
      $schema: text("a place of a JSON Schema").optional(),
      name: text(
        "a name of at most 128 letters, digits, '.', '_', '+' and '-', not starting with '.', '+' or '-'",
        /^\w[\w.+-]{0,127}$/,
      ).optional(),
      inputs: list(input, "a list of paths").min(1, { error: "at least one input" }).optional(),
      program: hostPath.optional(),
      package: packageTarget.optional(),
      image: hostPath.optional(),
      pull: z.boolean({ error: "true or false" }).default(false),
      unpackLimit: size.default("2G"),
      compiler: text('a compiler such as "musl-gcc"', /^[\w./+-]+$/).optional(),
      libraries: list(
        text('a library name such as "m"', /^:?\w[\w.+-]*$/),
        "a list of library names",
      ).default([]),
      libraryPaths: list(hostPath, "a list of directories").default([]),
      compileFlags: list(text("a compiler flag"), "a list of compiler flags").default([]),
      linkFlags: list(text("a linker flag"), "a list of linker flags").default([]),
      args: list(text("a string"), "a list of strings").default([]),
      workingDirectory: workingDirectory.optional(),
      user: text('a user such as "postgres", "33" or "www-data:adm"', /^[^\0:]+(?::[^\0:]+)?$/).optional(),
      env: z.record(variableName, text("a string"), { error: "an object of strings" }).default({}),
      mode: z.enum(["unikernel", "classic"], { error: '"unikernel" or "classic"' }).default("unikernel"),
      bind: z.boolean({ error: "true or false" }).default(true),
      shortcuts: z.boolean({ error: "true or false" }).default(false),
      mask: mask.prefault({}),
      kernel: kernel.prefault({}),
      files: files.prefault({}),
      ring0: ring0.prefault({}),
      run: run.prefault({}),
    },
    { error: "an object" },
  )
  .refine((value) => targetsOf(value).length < 2, {
    error: "one of inputs, program, package and image",
    path: ["program"],
    params: { found: "several" },
  })
  .meta({
    title: "Configuration of ukl",
    not: {
      anyOf: targetNames.flatMap((one, index) =>
        targetNames.slice(index + 1).map((other) => ({ required: [one, other] })),
      ),
    },
  });

/** A checked configuration: defaults filled in and, when it came from a file, host paths made absolute. */
export type ResolvedConfiguration = z.output<typeof configurationSchema>;

/** A configuration whose members may also be present and undefined, as options of a command line are. */
export type ConfigurationFlags = z.input<typeof configurationSchema>;

/** The JSON Schema published as docs/config.schema.json. */
export function configurationJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(configurationSchema, { io: "input" });
}

// `Configuration` is written by hand, so that authors see documented names; here it has to match the schema.
type Plain<T> = T extends object ? { -readonly [Key in keyof T]-?: Plain<Exclude<T[Key], undefined>> } : T;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
true satisfies Same<Plain<Configuration>, Plain<ConfigurationFlags>>;
