// SPDX-License-Identifier: MIT
/** `ukl run --missing-files`: what a program finds on this machine, and would look for in vain in its image. */
import type { ResolvedConfiguration } from "./config/schema.js";
import { imageContents } from "./contents.js";
import { UklError } from "./errors.js";
import { hostView, resolveIn } from "./host/file-view.js";
import { withScratchDirectory } from "./host/files.js";
import { stopwatch } from "./host/stopwatch.js";
import { type OpenedFile, traceOpenedFiles } from "./inspect/trace-files.js";
import { defaultEnvironment } from "./rootfs/root.js";

export interface MissingFiles {
  readonly missing: readonly OpenedFile[];
  /** How many the program opened. */
  readonly opened: number;
}

/** A running system has these for every program, or programs make them. */
const notOfAnImage = /^\/(?:proc|sys|dev|run|var\/run|tmp)\//;
/** Libraries are where the loader looks without it. */
const notNeeded = new Set(["/etc/ld.so.cache", "/etc/ld.so.preload"]);

/** Runs the program on this machine under strace, with the environment of the guest. Throws UKL-101 and UKL-701. */
export async function findMissingFiles(configuration: ResolvedConfiguration): Promise<MissingFiles> {
  return withScratchDirectory(async (scratch) => {
    const { target, linked, files, tree, place } = await imageContents(configuration, scratch, stopwatch());
    if (target !== undefined && target.view !== hostView) throw notHere(target.name);
    const opened = await traceOpenedFiles({
      program: linked.path,
      argv: [...(target?.argv ?? [place.path]), ...configuration.args],
      environment: { ...defaultEnvironment, ...configuration.env },
    });
    const present = new Set([
      place.file,
      linked.path,
      ...files.map(({ path }) => path),
      ...tree.files.keys(),
    ]);
    const missing = opened.filter(({ path }) => !isPresent(path, present));
    return { missing, opened: opened.length };
  });
}

function isPresent(path: string, present: ReadonlySet<string>): boolean {
  if (notOfAnImage.test(path) || notNeeded.has(path) || present.has(path)) return true;
  const found = resolveIn(hostView, path);
  // What was there only while the program ran is its own; a directory is no file to include.
  return found?.node.kind !== "file" || present.has(found.path);
}

function notHere(name: string): UklError {
  return new UklError("UKL-101", {
    what: `${name} cannot be run on this machine`,
    cause: "--missing-files runs the program here, and this one is not installed",
    fix: "leave out --missing-files, or install it",
  });
}

export function formatMissing({ missing, opened }: MissingFiles): string {
  const lines = missing.map(({ path, by }) => `missing in the image: ${path} (opened by ${by})\n`);
  if (lines.length > 0) return `${lines.join("")}add what is needed with --include PATH\n`;
  return `nothing is missing: the image has all ${opened} files that were opened\n`;
}
