// SPDX-License-Identifier: MIT
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { withLock } from "../../src/host/lock.js";
import { openProcesses } from "../kernel/processes.js";

const processes = openProcesses();
let count = 0;

function newLock(): string {
  count += 1;
  return join(processes.directory, "locks", `lock-${count}`);
}

/** Another process that takes the lock, says so, and keeps it until it is told or killed. */
async function holder(path: string) {
  const other = processes.start(`
    import { withLock } from "./src/host/lock.js";
    await withLock(${JSON.stringify(path)}, async () => {
      console.log("locked");
      await new Promise((resolve) => { process.once("SIGUSR1", resolve); setInterval(() => undefined, 1000); });
    });
    process.exit();`);
  expect(await other.line()).toBe("locked");
  return other;
}

describe("a lock", () => {
  test("gives back what the work does, and can be taken again", async () => {
    const path = newLock();
    expect(await withLock(path, async () => 1)).toBe(1);
    expect(await withLock(path, async () => 2)).toBe(2);
  });

  test("is released when the work fails, and the failure passes through", async () => {
    const path = newLock();
    const failure = new Error("the work failed");
    await expect(withLock(path, () => Promise.reject(failure))).rejects.toBe(failure);
    expect(await withLock(path, async () => "again")).toBe("again");
  });

  test("lets one work at a time within a process", async () => {
    const path = newLock();
    let inside = 0;
    let most = 0;
    const work = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await sleep(20);
      inside -= 1;
    };
    await Promise.all([withLock(path, work), withLock(path, work), withLock(path, work)]);
    expect(most).toBe(1);
  });

  test("does not make another lock wait", async () => {
    await withLock(newLock(), async () => {
      expect(await withLock(newLock(), async () => "inside")).toBe("inside");
    });
  });
});

describe("a lock that another process has", () => {
  test("is waited for, said once, and taken when it is released", async () => {
    const path = newLock();
    const other = await holder(path);
    let taken = false;
    let waiting: () => void = () => undefined;
    const waits = new Promise<void>((resolve) => {
      waiting = resolve;
    });
    const onWait = vi.fn(() => waiting());
    const mine = withLock(
      path,
      async () => {
        taken = true;
      },
      onWait,
    );
    await waits;
    await sleep(100);
    expect(taken).toBe(false);
    other.child.kill("SIGUSR1");
    await mine;
    expect(taken).toBe(true);
    expect(onWait).toHaveBeenCalledTimes(1);
  });

  test.each(["SIGKILL", "SIGINT", "SIGTERM"] as const)(
    "is free once that process is ended by %s",
    async (signal) => {
      const path = newLock();
      const other = await holder(path);
      other.child.kill(signal);
      await other.ended;
      expect(await withLock(path, async () => "mine")).toBe("mine");
    },
  );
});

describe("a lock that cannot be had is refused:", () => {
  test("UKL-306 where its directory cannot be made", async () => {
    writeFileSync(join(processes.directory, "a-file"), "");
    const path = join(processes.directory, "a-file", "locks", "lock");
    await expect(withLock(path, async () => 1)).rejects.toMatchObject({
      code: "UKL-306",
      detail: { what: `${path} cannot be written`, fix: expect.stringContaining("XDG_CACHE_HOME") },
    });
  });

  test("UKL-306 where the lock file cannot be made, with flock's reason", async () => {
    const path = join("/proc/self/task", "lock");
    await expect(withLock(path, async () => 1)).rejects.toMatchObject({
      code: "UKL-306",
      detail: { cause: expect.stringContaining("cannot open lock file") },
    });
  });

  test("UKL-401 where there is no flock", async () => {
    vi.stubEnv("PATH", "/nowhere");
    try {
      await expect(withLock(newLock(), async () => 1)).rejects.toMatchObject({
        code: "UKL-401",
        detail: { what: "flock is not installed" },
      });
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
