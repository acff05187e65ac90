// SPDX-License-Identifier: MIT
/** The extended attributes of an image's files: those that layers have, and capabilities of this machine's programs. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { GuestPlace } from "./application.js";
import { start } from "./host/spawn.js";
import type { Attributes, Tree } from "./rootfs/host-tree.js";
import type { RootFile } from "./rootfs/root.js";
import type { Target } from "./target.js";
import { TarFault } from "./targets/tar/header.js";
import { readTar } from "./targets/tar/read.js";

const capability = "security.capability";

interface ImageFiles {
  readonly target: Target | undefined;
  readonly place: GuestPlace;
  readonly tree: Tree;
  /** Those that the configuration names. */
  readonly files: readonly RootFile[];
}

/** By path in the guest. */
export async function imageAttributes(image: ImageFiles): Promise<ReadonlyMap<string, Attributes>> {
  const { target, place, tree, files } = image;
  const application =
    target === undefined || target.isWhole
      ? []
      : [{ path: place.file, source: target.view.locate(target.file) }];
  const ofHost = [...(target?.isWhole ? [] : tree.files.values()), ...files].filter(isProgram);
  const asked = [...application, ...ofHost].flatMap(({ path, source }) =>
    source === undefined ? [] : [{ path, source }],
  );
  const found = await hostCapabilities([...new Set(asked.map(({ source }) => source))]);
  const capable = asked.flatMap(({ path, source }) => {
    const own = found.get(source);
    return own === undefined ? [] : [[path, own] as const];
  });
  return new Map([...tree.attributes, ...capable]);
}

function isProgram({ data, permissions }: RootFile): boolean {
  return (permissions & 0o111) !== 0 && data[0] === 0x7f;
}

/** Node reads no attributes; every Debian system has GNU tar, which does. What it cannot read has none. */
async function hostCapabilities(paths: readonly string[]): Promise<ReadonlyMap<string, Attributes>> {
  const found = new Map<string, Attributes>();
  if (paths.length === 0) return found;
  const what = ["--xattrs", `--xattrs-include=${capability}`, "--format=pax", "--hard-dereference", "-h"];
  const tool = start({ tool: "tar", args: ["-c", "-P", "--no-recursion", ...what, "--null", "-T", "-"] });
  tool.stdin.end(paths.map((path) => `${path}\0`).join(""));
  try {
    for await (const { name, attributes } of readTar(tool.stdout)) {
      const value = attributes.get(capability);
      if (value !== undefined) found.set(name, new Map([[capability, value]]));
    }
  } catch (error) {
    // What another tar writes, nobody asked for.
    if (!(error instanceof TarFault)) throw error;
  } finally {
    tool.kill();
    await tool.ended;
  }
  return found;
}

/** For the user: what a kernel does not keep, although the files have it. */
export async function lostAttributes(
  kernelDirectory: string,
  attributes: ReadonlyMap<string, Attributes>,
): Promise<readonly string[]> {
  if (attributes.size === 0) return [];
  const options = await readFile(join(kernelDirectory, "config"), "utf8");
  if (options.includes("\nCONFIG_TMPFS_XATTR=y\n")) return [];
  const paths = [...attributes.keys()];
  const shown = paths.slice(0, mostShown).join(", ");
  const more = paths.length > mostShown ? ` and ${paths.length - mostShown} more` : "";
  return [
    `the extended attributes of ${shown}${more}, such as file capabilities, are lost: the kernel was built without CONFIG_TMPFS_XATTR`,
  ];
}

const mostShown = 5;
