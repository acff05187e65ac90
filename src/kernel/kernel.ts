// SPDX-License-Identifier: MIT
/** Gets the kernel objects for one mode and configuration: from the cache, or built and put there. */
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../host/exec.js";
import { sha256, writeOutput } from "../host/files.js";
import { withLock } from "../host/lock.js";
import { cacheDirectory, packageFile } from "../host/places.js";
import { type CachedKernel, kernelCache } from "./cache.js";
import { compileKernel, type Progress } from "./compile.js";
import {
  type ConfigurationRequest,
  checkOptionsExist,
  parseConfiguration,
  renderOptions,
  wantedOptions,
} from "./configuration.js";
import { applyPatches, listPatches, type Patch } from "./patches.js";
import { findSource, type KernelSource, unpackSource } from "./source.js";

export interface KernelRequest extends ConfigurationRequest {
  /** A directory or tarball; by default Debian's linux-source package. */
  readonly source?: string;
  readonly onProgress: (progress: Progress) => void;
}

/** Changes with what an entry of the cache holds. */
const entryLayout = 3;

/**
 * Throws UKL-301 to UKL-308, and UKL-4xx for the host's part.
 * A second caller that wants the same kernel waits for the first one's.
 */
export async function getKernel(request: KernelRequest): Promise<CachedKernel> {
  const { onProgress } = request;
  const made = await identify(request);
  const { key, sourceKey, source, patches, series, compiler, wanted, configurationDigest } = made;
  const root = cacheDirectory();
  const cache = kernelCache(root);
  const ready = await cache.find(key);
  if (ready !== undefined) return ready;

  const waiting = () => onProgress({ step: "waiting for another build of the same kernel" });
  return cache.add(
    key,
    async (work) => {
      const tree = await patchedTree(root, sourceKey, { source, patches, series, onProgress });
      await checkOptionsExist(Object.keys(request.options ?? {}), tree.directory);
      // Headers that nearly every object reads differ between the modes: in one directory each switch compiles all.
      const buildKey = sha256(JSON.stringify([sourceKey, compiler, request.mode]));
      await withLock(
        join(root, "locks", `build-${buildKey}`),
        () =>
          compileKernel({
            sourceDirectory: tree.directory,
            buildDirectory: join(root, "builds", buildKey),
            outputDirectory: work,
            wanted,
            onProgress,
          }),
        () => onProgress({ step: "waiting for another kernel to be built" }),
      );
      return {
        schemaVersion: 1,
        key,
        mode: request.mode,
        version: tree.version,
        configurationDigest,
        compiler,
      };
    },
    waiting,
  );
}

/** The kernel, if it was built before. Throws UKL-301 and UKL-307, and UKL-4xx for the host's part. */
export async function findKernel(
  request: Omit<KernelRequest, "onProgress">,
): Promise<CachedKernel | undefined> {
  const { key } = await identify(request);
  return kernelCache(cacheDirectory()).find(key);
}

/** Which of these options a kernel does not have. */
export async function kernelLacks(
  { directory }: CachedKernel,
  options: readonly { readonly option: string; readonly value: string }[],
): Promise<readonly string[]> {
  const has = parseConfiguration(await readFile(join(directory, "config"), "utf8"));
  return options
    .filter(({ option, value }) => has.get(option) !== value)
    .map(({ option }) => `CONFIG_${option}`);
}

/** All that a kernel is made of, and the key in the cache that follows from it. */
async function identify(request: Omit<KernelRequest, "onProgress">) {
  const series = (await readFile(packageFile("kernel", "VERSION"), "utf8")).trim();
  const [source, patches, wanted, compiler] = await Promise.all([
    findSource(series, request.source),
    listPatches(),
    wantedOptions(request),
    compilerVersion(),
  ]);
  const configurationDigest = sha256(renderOptions(wanted));
  const sourceKey = sha256(JSON.stringify([source.identity, patches.map((patch) => patch.digest)]));
  const key = sha256(JSON.stringify([entryLayout, sourceKey, configurationDigest, compiler]));
  return { series, source, patches, wanted, compiler, configurationDigest, sourceKey, key };
}

interface TreeRequest {
  readonly source: KernelSource;
  readonly patches: readonly Patch[];
  readonly series: string;
  readonly onProgress: (progress: Progress) => void;
}

/** The unpacked, patched source. It is kept: every further configuration is built from it. */
async function patchedTree(
  root: string,
  sourceKey: string,
  request: TreeRequest,
): Promise<{ readonly directory: string; readonly version: string }> {
  const directory = join(root, "sources", sourceKey);
  const versionFile = join(directory, ".ukl-version");
  return withLock(join(root, "locks", `source-${sourceKey}`), async () => {
    const known = await readFile(versionFile, "utf8").catch(() => undefined);
    if (known !== undefined) return { directory, version: known };
    request.onProgress({ step: `unpacking ${request.source.path}` });
    const partial = `${directory}.partial`;
    try {
      await rm(partial, { recursive: true, force: true });
      await mkdir(partial, { recursive: true });
      const version = await unpackSource(request.source, partial, request.series);
      await applyPatches(request.patches, partial);
      await writeOutput(join(partial, ".ukl-version"), version);
      await rm(directory, { recursive: true, force: true });
      await rename(partial, directory);
      return { directory, version };
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  });
}

async function compilerVersion(): Promise<string> {
  const versions = await Promise.all(
    ["gcc", "ld"].map(async (tool) => (await run({ tool, args: ["--version"] })).stdout.split("\n")[0]),
  );
  return versions.join("; ");
}
