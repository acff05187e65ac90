// SPDX-License-Identifier: MIT
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { UklError } from "../../src/errors.js";
import { withLock } from "../../src/host/lock.js";
import { type KernelCache, type KernelEntry, kernelCache } from "../../src/kernel/cache.js";
import { openProcesses } from "./processes.js";

const processes = openProcesses();
const keyA = "a".repeat(64);
const keyB = "b".repeat(64);
const noWait = () => undefined;
let count = 0;
let root: string;
let cache: KernelCache;

beforeEach(() => {
  count += 1;
  root = join(processes.directory, `cache-${count}`);
  cache = kernelCache(root);
});

function entry(key: string): KernelEntry {
  return {
    schemaVersion: 1,
    key,
    mode: "classic",
    version: "6.12.1",
    configurationDigest: "0".repeat(64),
    compiler: "gcc 1",
  };
}

/** A kernel of one small file. */
function filling(key: string, content = "objects") {
  return async (work: string): Promise<KernelEntry> => {
    writeFileSync(join(work, "vmlinux.o"), content);
    return entry(key);
  };
}

function filesUnder(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => item.name);
}

/** Everything of a kernel, finished or not, that is in the cache. */
function leftovers(): readonly string[] {
  return filesUnder(root).filter((name) => name !== keyA && name !== keyB);
}

/** Another process that adds `keyA` with the given body of `fill`, in which `work` is the directory. */
function adding(fillBody: string) {
  return processes.start(`
    import { spawn } from "node:child_process";
    import { appendFileSync, writeFileSync } from "node:fs";
    import { setTimeout as sleep } from "node:timers/promises";
    import { kernelCache } from "./src/kernel/cache.js";
    const made = await kernelCache(${JSON.stringify(root)}).add(
      "${keyA}", async (work) => { ${fillBody}; return ${JSON.stringify(entry(keyA))}; }, () => undefined);
    console.log("made " + made.key);`);
}

describe("an added kernel", () => {
  test("is found, with where it is and what its files hold", async () => {
    expect(await cache.find(keyA)).toBeUndefined();
    const made = await cache.add(keyA, filling(keyA), noWait);
    expect(made).toEqual({ ...entry(keyA), directory: expect.stringContaining(keyA) });
    expect(await cache.find(keyA)).toEqual(made);
    expect(readFileSync(join(made.directory, "vmlinux.o"), "utf8")).toBe("objects");
  });

  test("is made once, however often it is asked for at the same time", async () => {
    let fills = 0;
    const fill = async (work: string) => {
      fills += 1;
      await sleep(50);
      return filling(keyA)(work);
    };
    const made = await Promise.all([1, 2, 3].map(() => kernelCache(root).add(keyA, fill, noWait)));
    expect(fills).toBe(1);
    expect(new Set(made.map(({ directory }) => directory)).size).toBe(1);
  });

  test("is made once by two processes", async () => {
    const log = join(processes.directory, `fills-${count}`);
    const body = `appendFileSync(${JSON.stringify(log)}, "fill\\n"); console.log("filling"); await sleep(200);
      writeFileSync(work + "/vmlinux.o", "objects")`;
    const first = adding(body);
    expect(await first.line()).toBe("filling");
    const second = adding(body);
    expect([await first.line(), await second.line()]).toEqual([`made ${keyA}`, `made ${keyA}`]);
    expect(readFileSync(log, "utf8")).toBe("fill\n");
  });

  test("is not there before it is complete", async () => {
    let seen: unknown = "not looked";
    await cache.add(
      keyA,
      async (work) => {
        const made = await filling(keyA)(work);
        seen = [await kernelCache(root).find(keyA), await kernelCache(root).list()];
        return made;
      },
      noWait,
    );
    expect(seen).toEqual([undefined, []]);
    expect(await cache.find(keyA)).toBeDefined();
  });

  test("does not make another one wait", async () => {
    await cache.add(
      keyA,
      async (work) => {
        await cache.add(keyB, filling(keyB), noWait);
        return filling(keyA)(work);
      },
      noWait,
    );
    expect((await cache.list()).map(({ key }) => key).sort()).toEqual([keyA, keyB]);
  });
});

describe("a kernel that could not be made", () => {
  test("leaves nothing, passes the reason on, and can be made the next time", async () => {
    const reason = new Error("the compiler failed");
    const failing = async (work: string) => {
      await filling(keyA, "half")(work);
      throw reason;
    };
    await expect(cache.add(keyA, failing, noWait)).rejects.toBe(reason);
    expect(leftovers()).toEqual([]);
    expect(await cache.find(keyA)).toBeUndefined();
    const made = await cache.add(keyA, filling(keyA, "whole"), noWait);
    expect(readFileSync(join(made.directory, "vmlinux.o"), "utf8")).toBe("whole");
  });

  test("because its process was killed does not keep the next one from being made", async () => {
    // What it started, as make does compilers, lives on for a moment and goes on writing.
    const orphan = `i=0; while [ $i -lt 300 ]; do mkdir -p d$i && echo x > d$i/f; i=$((i+1)); done 2>/dev/null`;
    const other = adding(`
      writeFileSync(work + "/half", "");
      spawn("sh", ["-c", ${JSON.stringify(orphan)}], { cwd: work, stdio: "ignore" });
      console.log("filling");
      await sleep(60_000)`);
    expect(await other.line()).toBe("filling");
    other.child.kill("SIGKILL");
    await other.ended;
    expect(await cache.find(keyA)).toBeUndefined();
    let given: readonly string[] = ["not called"];
    const made = await cache.add(
      keyA,
      async (work) => {
        given = readdirSync(work);
        return filling(keyA)(work);
      },
      noWait,
    );
    expect(given).toEqual([]);
    expect(readdirSync(made.directory).sort()).toEqual(["kernel.json", "vmlinux.o"]);
  });

  test("because an interrupted prune left half of one is made in its place", async () => {
    mkdirSync(join(root, "kernels", keyA), { recursive: true });
    writeFileSync(join(root, "kernels", keyA, "vmlinux.lds"), "");
    const made = await cache.add(keyA, filling(keyA), noWait);
    expect(readdirSync(made.directory).sort()).toEqual(["kernel.json", "vmlinux.o"]);
  });
});

describe("a cache that cannot be written", () => {
  async function refusal(): Promise<UklError> {
    const error = await cache.add(keyA, filling(keyA), noWait).catch((reason: unknown) => reason);
    if (!(error instanceof UklError)) throw new Error(`not refused: ${String(error)}`);
    return error;
  }

  // Permissions would not stop root, whom containers run as; a file in the place of a directory stops everyone.
  test.each(["", "locks", "work", "kernels"])(
    "at '%s' is UKL-306, with the remedy to choose another",
    async (name) => {
      if (name !== "") mkdirSync(root);
      writeFileSync(join(root, name), "");
      const error = await refusal();
      expect(error.code).toBe("UKL-306");
      expect(error.detail.fix).toContain("XDG_CACHE_HOME");
      expect(error.exit).toBe(69);
    },
  );

  test("for want of space is UKL-402", async () => {
    const cause = { code: "ENOSPC", syscall: "write" };
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), cause);
    const filled = cache.add(keyA, () => Promise.reject(full), noWait);
    await expect(filled).rejects.toMatchObject({ code: "UKL-402" });
    expect(leftovers()).toEqual([]);
  });
});

describe("a damaged entry", () => {
  const description = (changes: object) => JSON.stringify({ ...entry(keyA), ...changes });

  test.each([
    ["is not JSON", "{"],
    ["is empty", ""],
    ["is of another version of the format", description({ schemaVersion: 2 })],
    ["has no mode", description({ mode: "other" })],
    ["is that of another kernel", description({ key: keyB })],
  ])("whose description %s is UKL-307, and what the remedy says removes it", async (_, text) => {
    const { directory } = await cache.add(keyA, filling(keyA), noWait);
    writeFileSync(join(directory, "kernel.json"), text);
    const error = await cache.find(keyA).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "UKL-307",
      detail: {
        what: expect.stringContaining(directory),
        fix: expect.stringContaining("ukl kernel prune --all"),
      },
    });
    expect(await cache.list()).toEqual([]);
    expect(await cache.prune(0)).toBe(1);
    expect(await cache.add(keyA, filling(keyA), noWait)).toMatchObject({ key: keyA });
  });

  test("without its kernel is UKL-307", async () => {
    await expect(cache.add(keyA, async () => entry(keyA), noWait)).rejects.toMatchObject({ code: "UKL-307" });
  });
});

describe("a prune", () => {
  const daysAgo = (days: number) => new Date(Date.now() - days * 24 * 60 * 60 * 1000);

  async function addUsed(key: string, days: number): Promise<void> {
    const { directory } = await cache.add(key, filling(key), noWait);
    utimesSync(directory, daysAgo(days), daysAgo(days));
  }

  test("removes what was not used for so many days, and nothing else", async () => {
    await addUsed(keyA, 31);
    await addUsed(keyB, 29);
    expect(await cache.prune(30)).toBe(1);
    expect((await cache.list()).map(({ key }) => key)).toEqual([keyB]);
    expect(await cache.find(keyA)).toBeUndefined();
  });

  test("keeps what was found meanwhile, because that is a use", async () => {
    await addUsed(keyA, 31);
    await cache.find(keyA);
    expect(await cache.prune(30)).toBe(0);
  });

  test("of 0 days removes every kernel", async () => {
    await addUsed(keyA, 1);
    await addUsed(keyB, 0);
    expect(await cache.prune(0)).toBe(2);
    expect(await cache.list()).toEqual([]);
  });

  test.each(["sources", "builds"])("removes all %s", async (folder) => {
    mkdirSync(join(root, folder, "one"), { recursive: true });
    writeFileSync(join(root, folder, "one", "Makefile"), "");
    await cache.prune(30);
    expect(readdirSync(join(root, folder))).toEqual([]);
  });

  test.each([
    ["builds", "one", "build-one"],
    ["sources", "one", "source-one"],
    ["sources", "one.partial", "source-one"],
  ])("waits with what another build uses in %s/%s", async (folder, name, lock) => {
    mkdirSync(join(root, folder, name), { recursive: true });
    let pruned: Promise<number> | undefined;
    await withLock(join(root, "locks", lock), async () => {
      pruned = cache.prune(30);
      await sleep(150);
      expect(readdirSync(join(root, folder))).toEqual([name]);
    });
    await pruned;
    expect(readdirSync(join(root, folder))).toEqual([]);
  });

  test("of a cache that was never used does nothing", async () => {
    expect(await cache.prune(0)).toBe(0);
  });
});

test("a list tells sizes and last uses, and looking is no use", async () => {
  const used = new Date("2024-05-06T07:08:09Z");
  const { directory } = await cache.add(keyA, filling(keyA, "x".repeat(5000)), noWait);
  utimesSync(directory, used, used);
  const description = readFileSync(join(directory, "kernel.json")).length;
  for (let time = 0; time < 2; time++) {
    expect(await cache.list()).toEqual([
      { ...entry(keyA), directory, sizeBytes: 5000 + description, lastUsed: used },
    ]);
  }
});
