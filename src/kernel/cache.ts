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
import { isSystemError, writeFailed, writeOutput } from "../host/files.js";
import { withLock } from "../host/lock.js";

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
  find(key: string): Promise<CachedKernel | undefined>;
  /** Makes an entry unless another process did so meanwhile. `fill` gets an empty directory for the results. */
  add(key: string, fill: (work: string) => Promise<KernelEntry>, onWait: () => void): Promise<CachedKernel>;
  list(): Promise<readonly (CachedKernel & { readonly sizeBytes: number; readonly lastUsed: Date })[]>;
  /** Removes the kernels not used for `days` days, and all unpacked sources; returns how many kernels. */
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
          await rm(work, { recursive: true, force: true });
          await mkdir(work, { recursive: true });
          const entry = await fill(work);
          await writeOutput(join(work, entryFile), `${JSON.stringify(entry, undefined, 2)}\n`);
          await mkdir(join(root, "kernels"), { recursive: true });
          await rename(work, directoryOf(key));
        } catch (error) {
          if (!(error instanceof UklError) && isSystemError(error)) throw writeFailed(work, error);
          throw error;
        } finally {
          await rm(work, { recursive: true, force: true });
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
        const lastUsed = (await stat(directoryOf(key))).mtime;
        const kernel = await find(key).catch(() => undefined);
        if (kernel === undefined) return undefined;
        await utimes(kernel.directory, lastUsed, lastUsed).catch(() => undefined);
        return { ...kernel, sizeBytes: await directorySize(kernel.directory), lastUsed };
      }),
    );
    return kernels.filter((kernel) => kernel !== undefined);
  };

  const prune: KernelCache["prune"] = async (days) => {
    const oldest = Date.now() - days * 24 * 60 * 60 * 1000;
    const old = (await list()).filter(({ lastUsed }) => lastUsed.getTime() <= oldest);
    for (const { key, directory } of old) {
      await withLock(join(root, "locks", key), () => rm(directory, { recursive: true, force: true }));
    }
    const sources = await readdir(join(root, "sources")).catch(() => []);
    for (const key of sources) {
      const lock = join(root, "locks", `source-${key}`);
      await withLock(lock, () => rm(join(root, "sources", key), { recursive: true, force: true }));
    }
    return old.length;
  };

  return { find, add, list, prune };
}

async function directorySize(directory: string): Promise<number> {
  const names = await readdir(directory);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function damaged(directory: string): UklError {
  return new UklError("UKL-307", {
    what: `the cached kernel in ${directory} is damaged`,
    cause: "its description is missing, not ours, or does not fit its name",
    fix: "run 'ukl kernel prune --all' and build again",
  });
}
