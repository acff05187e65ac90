// SPDX-License-Identifier: MIT
/**
 * The cache of kernel objects: one directory a kernel, named by a digest of all that made it.
 *
 * An entry is complete or absent: it is prepared beside its place and renamed into it while the entry's
 * lock is held. Two builds that want the same kernel share one compilation; two that want different
 * kernels do not wait for each other. Whatever an interrupted build leaves is in `work` and goes next time.
 */
import { access, mkdir, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { UklError } from "../errors.js";
import { cacheWriteFailed, isSystemError, writeOutput } from "../host/files.js";
import { withLock } from "../host/lock.js";
import { parseJson } from "../json.js";

const entrySchema = z.object({
  schemaVersion: z.literal(1),
  key: z.string().regex(/^[0-9a-f]{64}$/),
  mode: z.enum(["unikernel", "classic"]),
  version: z.string().regex(/^\d+\.\d+\.\d+$/),
  configurationDigest: z.string(),
  compiler: z.string(),
});

/** What made a cached kernel. */
export type KernelEntry = z.infer<typeof entrySchema>;

/** A cached kernel and where its objects are. */
export interface CachedKernel extends KernelEntry {
  readonly directory: string;
}

const entryFile = "kernel.json";

export interface KernelCache {
  /** Throws UKL-307 for an entry that cannot be trusted. */
  find(key: string): Promise<CachedKernel | undefined>;
  /**
   * Makes an entry unless another process did so meanwhile. `fill` gets an empty directory for the results.
   * Throws what `fill` does, UKL-306, UKL-307, UKL-401 and UKL-402.
   */
  add(key: string, fill: (work: string) => Promise<KernelEntry>, onWait: () => void): Promise<CachedKernel>;
  list(): Promise<readonly (CachedKernel & { readonly sizeBytes: number; readonly lastUsed: Date })[]>;
  /**
   * Removes the kernels not used for `days` days, damaged ones of any age, and all they are built from; returns how
   * many kernels.
   */
  prune(days: number): Promise<number>;
}

export function kernelCache(root: string): KernelCache {
  const directoryOf = (key: string) => join(root, "kernels", key);

  const find = async (key: string): Promise<CachedKernel | undefined> => {
    const directory = directoryOf(key);
    const text = await readFile(join(directory, entryFile), "utf8").catch(() => undefined);
    if (text === undefined) return undefined;
    const entry = entrySchema.safeParse(parseJson(text));
    if (!entry.success || entry.data.key !== key) throw damaged(directory);
    await access(join(directory, "vmlinux.o")).catch(() => {
      throw damaged(directory);
    });
    const now = new Date();
    await utimes(directory, now, now).catch(() => undefined); // a read-only cache is fine to read
    return { ...entry.data, directory };
  };

  const add: KernelCache["add"] = async (key, fill, onWait) =>
    withLock(
      join(root, "locks", key),
      async () => {
        const ready = await find(key);
        if (ready !== undefined) return ready;
        const work = join(root, "work", key);
        try {
          // A compiler that outlived its killed build may still write there for a moment.
          await rm(work, { recursive: true, force: true, maxRetries: 10 });
          await mkdir(work, { recursive: true });
          const entry = await fill(work);
          await writeOutput(join(work, entryFile), `${JSON.stringify(entry, undefined, 2)}\n`);
          await mkdir(join(root, "kernels"), { recursive: true });
          // What an interrupted prune left has no description; nobody uses it.
          await rm(directoryOf(key), { recursive: true, force: true });
          await rename(work, directoryOf(key));
        } catch (error) {
          // A file that is missing is nothing the user could make writable: that is ours.
          if (isSystemError(error) && error.code !== "ENOENT") throw cacheWriteFailed(work, error);
          throw error;
        } finally {
          await rm(work, { recursive: true, force: true }).catch(() => undefined);
        }
        const made = await find(key);
        if (made === undefined) throw damaged(directoryOf(key));
        return made;
      },
      onWait,
    );

  const list: KernelCache["list"] = async () => {
    const names = await readdir(join(root, "kernels")).catch(() => []);
    const kernels = await Promise.all(
      names.map(async (key) => {
        const status = await stat(directoryOf(key)).catch(() => undefined);
        const kernel = await find(key).catch(() => undefined);
        if (status === undefined || kernel === undefined) return undefined;
        const lastUsed = status.mtime;
        await utimes(kernel.directory, lastUsed, lastUsed).catch(() => undefined);
        return { ...kernel, sizeBytes: await directorySize(kernel.directory), lastUsed };
      }),
    );
    return kernels.filter((kernel) => kernel !== undefined);
  };

  const removeAll = async (folder: string, lockPrefix: string): Promise<void> => {
    for (const key of await readdir(join(root, folder)).catch(() => [])) {
      const directory = join(root, folder, key);
      // What is being unpacked is beside its place, under the lock of that.
      const lock = join(root, "locks", `${lockPrefix}-${key.replace(/\.partial$/, "")}`);
      await withLock(lock, () => rm(directory, { recursive: true, force: true }));
    }
  };

  const prune: KernelCache["prune"] = async (days) => {
    const oldest = Date.now() - days * 24 * 60 * 60 * 1000;
    const names = await readdir(join(root, "kernels")).catch(() => []);
    const kept = (await list()).filter(({ lastUsed }) => lastUsed.getTime() > oldest).map(({ key }) => key);
    const old = names.filter((name) => !kept.includes(name));
    for (const key of old) {
      await withLock(join(root, "locks", key), () => rm(directoryOf(key), { recursive: true, force: true }));
    }
    // A build that is going on holds its lock, and needs the sources until its end.
    await removeAll("builds", "build");
    await removeAll("sources", "source");
    return old.length;
  };

  return { find, add, list, prune };
}

async function directorySize(directory: string): Promise<number> {
  const names = await readdir(directory);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function damaged(directory: string): UklError {
  return new UklError("UKL-307", {
    what: `the cached kernel in ${directory} is damaged`,
    cause: "its description is missing, not ours, or does not fit its name",
    fix: "run 'ukl kernel prune --all' and build again",
  });
}
