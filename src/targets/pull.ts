// SPDX-License-Identifier: MIT
/** Fetches packages that are not installed, and unpacks them to be looked into: nothing of this machine changes. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { UklError } from "../errors.js";
import { attempt, lastLines, run } from "../host/exec.js";
import { listFiles } from "../host/files.js";
import { start } from "../host/spawn.js";
import { ArchiveTree } from "./archive-tree.js";
import { type Budget, Meter, type UnpackOptions, useMetered } from "./container-blobs.js";
import { type Package, packagesInFiles } from "./debian.js";

export interface PulledPackages {
  readonly packages: readonly Package[];
  readonly tree: ArchiveTree;
  /** By package name. */
  readonly paths: ReadonlyMap<string, readonly string[]>;
}

/** A package, and of what it depends on what is not installed. Throws UKL-230, UKL-233, UKL-234 and UKL-407. */
export async function pullPackage(
  name: string,
  { scratch, limitBytes }: UnpackOptions,
): Promise<PulledPackages> {
  const missing = await missingPackages(name);
  const directory = join(scratch, "packages");
  await mkdir(directory, { recursive: true });
  await run(
    // The user of apt's own that downloads cannot write to a directory of ours.
    {
      tool: "apt-get",
      args: ["download", "-q", "-o", "APT::Sandbox::User=root", ...missing],
      cwd: directory,
    },
    { explain: ({ stderr, stdout }) => notPulled(name, lastLines(stderr || stdout)) },
  );
  const files = (await listFiles(directory)).filter((file) => file.endsWith(".deb")).sort();
  const packages = await packagesInFiles(files);
  const tree = new ArchiveTree(join(scratch, "package-files"));
  const paths = new Map<string, readonly string[]>();
  const budget: Budget = { bytesLeft: limitBytes };
  for (const [index, file] of files.entries()) {
    const own: string[] = [];
    await unpack(file, tree, budget, (path) => void own.push(path));
    paths.set(packages[index]?.name ?? file, own);
  }
  return { packages, tree, paths };
}

/** What apt would install, without a lock or root's rights. */
async function missingPackages(name: string): Promise<readonly string[]> {
  const options = ["-s", "-q", "--no-install-recommends", "-o", "Debug::NoLocking=1"];
  const { exitStatus, stdout, stderr } = await attempt({
    tool: "apt-get",
    args: ["install", ...options, "--", name],
  });
  if (exitStatus !== 0) throw notPulled(name, lastLines(stderr || stdout, 3));
  return stdout.split("\n").flatMap((line) => /^Inst (\S+) /.exec(line)?.[1] ?? []);
}

async function unpack(
  file: string,
  tree: ArchiveTree,
  budget: Budget,
  onPath: (path: string) => void,
): Promise<void> {
  const tool = start({ tool: "dpkg-deb", args: ["--fsys-tarfile", file] });
  tool.stdin.end();
  const rename = (name: string) => {
    const merged = mergedName(name);
    onPath(`/${merged}`);
    return merged;
  };
  const meter = new Meter(file, budget);
  try {
    await useMetered(pipeline(tool.stdout, meter), meter, (bytes) =>
      tree.add(bytes, file, { rename, budget }),
    );
  } finally {
    tool.kill();
    await tool.ended;
  }
}

/** On a merged /usr a package's `lib/x` is found at `usr/lib/x`, behind the link that is there instead of `lib`. */
function mergedName(name: string): string {
  return /^(?:s?bin|lib(?:32|64|x32)?)\//.test(name)
    ? `usr/${name}`
    : name.replace(/^(?:s?bin|lib(?:32|64|x32)?)$/, "usr/$&");
}

function notPulled(name: string, cause: string): UklError {
  return new UklError("UKL-407", {
    what: `the package ${name} cannot be fetched`,
    cause,
    fix: "check the name and the network, and whether 'apt-get update' was run",
  });
}
