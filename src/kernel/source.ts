// SPDX-License-Identifier: MIT
/**
 * Finds the kernel source: a directory or a tarball that the user names, or the one that Debian's
 * linux-source package ships. The source itself is never written to.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { UklError } from "../errors.js";
import { lastLines, type Outcome, run } from "../host/exec.js";

export interface KernelSource {
  readonly path: string;
  readonly kind: "directory" | "tarball";
  /** Changes when the source does; part of the cache key. */
  readonly identity: string;
}

/** Where Debian's linux-source packages put their tarballs. */
const debianSourceDirectory = "/usr/src";

/** Finds the source of the series `version` (such as "6.12"). Throws UKL-301 when there is none. */
export async function findSource(version: string, requested: string | undefined): Promise<KernelSource> {
  if (requested !== undefined) return describeSource(requested);
  const names = await readdir(debianSourceDirectory).catch(() => []);
  const name = names.find((entry) => entry.startsWith(`linux-source-${version}.tar.`));
  if (name === undefined) throw noSource(version);
  return describeSource(join(debianSourceDirectory, name));
}

/** The version in a kernel's top Makefile, such as "6.12.117"; undefined where it is not such a file. */
export function makefileVersion(makefile: string): string | undefined {
  const field = (name: string) => new RegExp(`^${name} = *(.*)$`, "m").exec(makefile)?.[1]?.trim();
  const [version, patchlevel, sublevel] = [field("VERSION"), field("PATCHLEVEL"), field("SUBLEVEL")];
  if (!version || !patchlevel || !sublevel) return undefined;
  return `${version}.${patchlevel}.${sublevel}`;
}

/** Other machines, and hardware that no virtual machine has: two thirds of the source, which stay packed. */
const unneeded = [
  "Documentation/*/*",
  "arch/[a-tv-w]*/*/*",
  "drivers/accel/*/*",
  "drivers/clk/*/*",
  "drivers/gpu/drm/*/*",
  "drivers/iio/*/*",
  "drivers/infiniband/*/*",
  "drivers/media/*/*",
  "drivers/net/wireless/*/*",
  "drivers/pinctrl/*/*",
  "drivers/scsi/*/*",
  "drivers/staging/*/*",
  "drivers/usb/*/*",
  "sound/*/*",
  "tools/testing/*",
  "tools/perf/*",
];

/** Copies or unpacks the source into the empty `directory`, and returns its version. Throws UKL-301, UKL-302. */
export async function unpackSource(source: KernelSource, directory: string, series: string): Promise<string> {
  if (source.kind === "tarball") {
    const exclusions = unneeded.flatMap((pattern) => [
      `--exclude=*/${pattern}.[chS]`,
      `--exclude=*/${pattern}.rst`,
    ]);
    const args = ["-xf", source.path, "-C", directory, "--strip-components=1", ...exclusions];
    // One thread of xz would be what the unpacking waits for.
    await run(
      { tool: "tar", args, env: { XZ_OPT: "-T0" } },
      { explain: (outcome) => notUnpacked(source, outcome) },
    );
  } else {
    await run({ tool: "cp", args: ["-a", "--reflink=auto", `${source.path}/.`, directory] });
  }
  const version = await treeVersion(directory);
  if (version?.startsWith(`${series}.`)) return version;
  throw new UklError("UKL-302", {
    what: `${source.path} is not the source of Linux ${series}`,
    cause: version === undefined ? "it has no kernel Makefile at its top" : `it is Linux ${version}`,
    fix: `name a Linux ${series} tree with --kernel-source, or install the package linux-source-${series}`,
  });
}

async function treeVersion(directory: string): Promise<string | undefined> {
  const makefile = await readFile(join(directory, "Makefile"), "utf8").catch(() => "");
  return makefileVersion(makefile);
}

async function describeSource(path: string): Promise<KernelSource> {
  const status = await stat(path).catch(() => undefined);
  if (status === undefined) {
    throw new UklError("UKL-301", {
      what: `there is no kernel source at ${path}`,
      cause: "the path does not exist",
      fix: "check --kernel-source, UKL_KERNEL_SOURCE or kernel.source in the configuration",
    });
  }
  const stamp = `${basename(path)} ${status.size} ${Math.floor(status.mtimeMs)}`;
  if (!status.isDirectory()) return { path, kind: "tarball", identity: stamp };
  const makefile = await stat(join(path, "Makefile")).catch(() => undefined);
  return { path, kind: "directory", identity: `${path} ${stamp} ${Math.floor(makefile?.mtimeMs ?? 0)}` };
}

function notUnpacked(source: KernelSource, outcome: Outcome): UklError {
  return new UklError("UKL-301", {
    what: `${source.path} is not a tarball of the kernel source`,
    cause: lastLines(outcome.stderr),
    fix: "name a complete linux-*.tar.* file, or a directory, with --kernel-source or UKL_KERNEL_SOURCE",
  });
}

function noSource(version: string): UklError {
  return new UklError("UKL-301", {
    what: `no source of Linux ${version} was found`,
    cause: `there is no ${debianSourceDirectory}/linux-source-${version}.tar.*`,
    fix: `run 'ukl doctor --fix' to install linux-source-${version}, or name a tree with --kernel-source or UKL_KERNEL_SOURCE`,
  });
}
