// SPDX-License-Identifier: MIT
/** Joins a configuration file's values with those of the command line; the command line wins. */
import { UklError } from "../errors.js";
import { explainIssue } from "./explain.js";
import {
  type ConfigurationFlags,
  configurationSchema,
  type ResolvedConfiguration,
  targetNames,
} from "./schema.js";

/**
 * The configuration to build from: the file's, if there is one, with the flags laid over it.
 *
 * A single value, `args`, and the choice of a target are replaced; `env`, Kconfig options, masked
 * calls, files, limits, volumes and disks are joined by name; libraries, kernel symbols, ring-0 programs and compiler flags are appended, where the last
 * one wins; library paths are put in front, where the first one wins. Throws UKL-101 when a flag's value is not
 * allowed. Host paths are left as they are.
 */
export function mergeFlags(
  configuration: ResolvedConfiguration | undefined,
  flags: ConfigurationFlags,
): ResolvedConfiguration {
  const merged = overlay(configuration ?? {}, flags);
  const result = configurationSchema.safeParse(merged);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (issue === undefined) throw result.error;
  throw new UklError("UKL-101", {
    what: "the command line gives a value that is not allowed",
    cause: explainIssue(issue, merged).text,
    fix: "correct the command line; 'ukl --help' explains its options",
  });
}

function overlay(file: ConfigurationFlags, flags: ConfigurationFlags): ConfigurationFlags {
  const target = targetNames.some((name) => flags[name] !== undefined) ? flags : file;
  return {
    ...file,
    ...defined(flags),
    ...Object.fromEntries(targetNames.map((name) => [name, target[name]])),
    libraries: joined(file.libraries, flags.libraries),
    libraryPaths: joined(flags.libraryPaths, file.libraryPaths),
    compileFlags: joined(file.compileFlags, flags.compileFlags),
    linkFlags: joined(file.linkFlags, flags.linkFlags),
    env: { ...file.env, ...flags.env },
    mask: {
      ...file.mask,
      ...defined(flags.mask ?? {}),
      calls: { ...file.mask?.calls, ...flags.mask?.calls },
    },
    kernel: {
      base: flags.kernel?.base ?? file.kernel?.base,
      source: flags.kernel?.source ?? file.kernel?.source,
      options: { ...file.kernel?.options, ...flags.kernel?.options },
      symbols: joined(file.kernel?.symbols, flags.kernel?.symbols),
    },
    files: { include: { ...file.files?.include, ...flags.files?.include } },
    ring0: { programs: joined(file.ring0?.programs, flags.ring0?.programs) },
    run: {
      ...file.run,
      ...defined(flags.run ?? {}),
      ulimits: { ...file.run?.ulimits, ...flags.run?.ulimits },
      volumes: { ...file.run?.volumes, ...flags.run?.volumes },
      disks: { ...file.run?.disks, ...flags.run?.disks },
    },
  };
}

/** Without the members that are undefined. */
export function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Partial<T>;
}

function joined(first: readonly string[] = [], second: readonly string[] = []): string[] {
  return [...first, ...second];
}
