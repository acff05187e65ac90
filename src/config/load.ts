// SPDX-License-Identifier: MIT
/**
 * From a configuration file to a checked configuration with absolute host paths.
 *
 * The TypeScript compiler is loaded only for files that need it.
 */
import { dirname, resolve } from "node:path";
import { UklError } from "../errors.js";
import { readInput } from "../host/files.js";
import { explainIssue } from "./explain.js";
import { readJson } from "./json.js";
import { configurationSchema, type ResolvedConfiguration } from "./schema.js";
import { type ConfigurationSource, formatPosition } from "./source.js";

/**
 * Reads a `.ts` or `.json` configuration. Throws UKL-110 when it cannot be read, UKL-111 for a syntax or type
 * error and UKL-112 for a value that is not allowed, each with file, line and column.
 */
export async function loadConfiguration(path: string): Promise<ResolvedConfiguration> {
  const source = await readSource(path);
  const result = configurationSchema.safeParse(source.value);
  if (result.success) return resolvePaths(result.data, dirname(resolve(path)));
  const issue = result.error.issues[0];
  if (issue === undefined) throw result.error;
  const { place, text } = explainIssue(issue, source.value);
  throw new UklError("UKL-112", {
    what: `${path} has a value that is not allowed`,
    cause: `${formatPosition(path, await source.locate(place))}: ${text}`,
    fix: "correct the configuration at that place",
  });
}

/** Host paths made absolute: a configuration means the same from wherever it is used. */
function resolvePaths(configuration: ResolvedConfiguration, directory: string): ResolvedConfiguration {
  const absolute = (path: string) => resolve(directory, path);
  const { inputs, program, image, libraryPaths, mask, kernel, files, run } = configuration;
  return {
    ...configuration,
    ...(inputs === undefined ? {} : { inputs: inputs.map(absolute) }),
    ...(program === undefined ? {} : { program: absolute(program) }),
    ...(image === undefined
      ? {}
      : {
          image: image.replace(
            /^(oci:|oci-archive:|docker-archive:)?(.*)$/s,
            (_, form = "", path) => form + absolute(path),
          ),
        }),
    libraryPaths: libraryPaths.map(absolute),
    mask: { ...mask, ...(mask.from === undefined ? {} : { from: absolute(mask.from) }) },
    kernel: { ...kernel, ...(kernel.source === undefined ? {} : { source: absolute(kernel.source) }) },
    files: { ...files, include: mapValues(files.include, absolute) },
    run: {
      ...run,
      volumes: mapValues(run.volumes, (volume) => ({ ...volume, host: absolute(volume.host) })),
      disks: mapValues(run.disks, (disk) => ({ ...disk, file: absolute(disk.file) })),
    },
  };
}

function mapValues<T>(values: Readonly<Record<string, T>>, change: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
}

async function readSource(path: string): Promise<ConfigurationSource> {
  const format = /\.(ts|json)$/.exec(path)?.[1];
  if (format === undefined) {
    throw unreadable(path, "its name ends neither in .ts nor in .json", "rename it");
  }
  const text = await readText(path);
  if (format === "json") return readJson(path, text);
  const { readTypescript } = await import("./typescript.js");
  return readTypescript(path, resolve(path), text);
}

async function readText(path: string): Promise<string> {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readInput(path));
  } catch (error) {
    if (error instanceof UklError) throw unreadable(path, error.detail.cause, error.detail.fix, error);
    throw unreadable(path, "it is not UTF-8 text", "save it as UTF-8", error);
  }
}

function unreadable(path: string, cause: string, fix: string, error?: unknown): UklError {
  return new UklError("UKL-110", { what: `${path} cannot be read`, cause, fix }, { cause: error });
}
