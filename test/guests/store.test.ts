// SPDX-License-Identifier: MIT
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { GuestState } from "../../src/guests/state.js";
import { GuestStore } from "../../src/guests/store.js";
import { guestLog, lookAt, removeGuest, stopGuest, waitForGuest } from "../../src/guests.js";
import { identifyProcess, type ProcessIdentity } from "../../src/host/process.js";
import { readProgress } from "../../src/vm/detached.js";

let root: string;
let store: GuestStore;
let own: ProcessIdentity;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "ukl-guests-"));
  store = new GuestStore(join(root, "guests"));
  own = (await identifyProcess(process.pid)) ?? expect.fail("this process has an entry in /proc");
});

afterEach(() => rm(root, { recursive: true, force: true }));

function known(changes: Partial<GuestState> = {}): Omit<GuestState, "name"> {
  return {
    image: "hello.elf",
    mode: "unikernel",
    memory: "128M",
    cpus: 1,
    ports: [],
    startedAt: "2026-01-02T03:04:05.678Z",
    starter: own,
    wasEnded: false,
    ...changes,
  };
}

/** A process that has been, and whose parent has seen its end. */
async function endedProcess(): Promise<ProcessIdentity> {
  const child = spawn("sleep", ["100"]);
  await once(child, "spawn");
  const identity = await identifyProcess(child.pid ?? 0);
  child.kill("SIGKILL");
  await once(child, "exit");
  return identity ?? expect.fail("the process was there");
}

async function control(name: string, text: string): Promise<void> {
  await writeFile(join(store.directory(name), "control"), text);
}

describe("a name", () => {
  test("is free for one guest, however many want it at once", async () => {
    const claims = await Promise.allSettled(
      Array.from({ length: 8 }, () => store.claim({ exactly: "web" }, known())),
    );
    expect(claims.filter(({ status }) => status === "fulfilled").length).toBe(1);
    for (const claim of claims) {
      if (claim.status === "rejected") expect(claim.reason).toMatchObject({ code: "UKL-612" });
    }
  });

  test("gets a number when it is taken and another one would do", async () => {
    const claims = await Promise.all(Array.from({ length: 8 }, () => store.claim({ like: "web" }, known())));
    const numbered = Array.from({ length: 7 }, (_, index) => `web-${index + 2}`);
    expect(claims.map(({ name }) => name).sort()).toEqual(["web", ...numbered]);
    expect(await store.names()).toEqual(["web", ...numbered]);
  });

  test("that is in use is told with what uses it", async () => {
    await store.claim({ exactly: "web" }, known({ image: "nginx.elf" }));
    await expect(store.claim({ exactly: "web" }, known())).rejects.toMatchObject({
      code: "UKL-612",
      detail: { cause: expect.stringContaining("nginx.elf") },
    });
  });

  test("of no guest is answered with the nearest one, and leads out of the store never", async () => {
    await store.claim({ exactly: "redis" }, known());
    await expect(store.read("reids")).rejects.toMatchObject({
      code: "UKL-611",
      detail: { fix: "perhaps redis is meant" },
    });
    await writeFile(join(root, "guest.json"), "{}");
    await expect(store.read("..")).rejects.toMatchObject({ code: "UKL-611" });
    await expect(store.read("../guests/redis")).rejects.toMatchObject({ code: "UKL-611" });
  });
});

describe("the state of a guest", () => {
  test("is what its machine's process and its control channel say", async () => {
    const gone = await endedProcess();
    const states: [name: string, changes: Partial<GuestState>, said: string, expected: object][] = [
      ["about-to-start", {}, "", { state: "starting" }],
      ["booting", { machine: own }, "", { state: "starting" }],
      ["running", { machine: own, starter: gone }, "signals\nstart\n", { state: "running" }],
      ["exited", { machine: gone }, "start\nexit 7\n", { state: "exited", exitStatus: 7 }],
      ["crashed", { machine: gone }, "start\n", { state: "crashed" }],
      ["ended", { machine: gone, wasEnded: true }, "start\n", { state: "exited", exitStatus: 137 }],
      ["never-booted", { machine: gone }, "", { state: "crashed" }],
    ];
    for (const [name, changes, said, expected] of states) {
      await store.claim({ exactly: name }, known(changes));
      await control(name, said);
      const { state, exitStatus } = await lookAt(store, name);
      expect({ name, state, ...(exitStatus === undefined ? {} : { exitStatus }) }).toEqual({
        name,
        ...expected,
      });
    }
  });

  test("is not that of another process that got the same number", async () => {
    const reused = { ...own, startTicks: String(Number(own.startTicks) - 1) };
    const earlier = { ...own, boot: "00000000-0000-0000-0000-000000000000" };
    for (const [name, machine] of Object.entries({ reused, earlier })) {
      await store.claim({ exactly: name }, known({ machine }));
      await control(name, "start\n");
      expect(await lookAt(store, name)).toMatchObject({ state: "crashed" });
      // It is not ended either: this is our own process.
      await removeGuest(store, name, true);
    }
    expect(await store.names()).toEqual([]);
  });

  test("that is damaged is told, and removed by force alone", async () => {
    const { name } = await store.claim({ exactly: "web" }, known({ machine: await endedProcess() }));
    const path = join(store.directory(name), "guest.json");
    const whole = await readFile(path, "utf8");
    for (const text of [
      "",
      whole.slice(0, -9),
      whole.replace('"web"', '"wob"'),
      whole.replace('"pid"', '"p"'),
    ]) {
      await writeFile(path, text);
      await expect(lookAt(store, name)).rejects.toMatchObject({ code: "UKL-615" });
    }
    await expect(removeGuest(store, name, false)).rejects.toMatchObject({ code: "UKL-615" });
    await removeGuest(store, name, true);
    expect(await store.names()).toEqual([]);
  });
});

describe("what a broken-off start left", () => {
  test("is gone after the next one, and nothing else is", async () => {
    const gone = await endedProcess();
    await mkdir(store.directory("without-state"), { recursive: true });
    await store.claim({ exactly: "crashed" }, known({ machine: gone }));
    await store.claim({ exactly: "without-machine" }, known({ starter: gone }));
    await store.claim({ exactly: "starting" }, known());
    await store.claim({ exactly: "last" }, known());
    expect(await store.names()).toEqual(["crashed", "last", "starting"]);
  });
});

test("waiting for a guest that never had a machine ends, and there is nothing to read of it", async () => {
  const { name } = await store.claim({ exactly: "web" }, known({ starter: await endedProcess() }));
  await expect(waitForGuest(store, name)).rejects.toMatchObject({
    code: "UKL-604",
    detail: { cause: "the console is empty" },
  });
  for (const follow of [false, true]) {
    for await (const chunk of guestLog(store, name, follow)) expect.fail(String(chunk));
  }
  await stopGuest(store, name, { signal: 15, graceMs: 100 });
  await removeGuest(store, name, false);
  expect(await store.names()).toEqual([]);
});

describe("removing", () => {
  test("leaves nothing of the guest, and not a running one", async () => {
    const sleeper = spawn("sleep", ["100"]);
    await once(sleeper, "spawn");
    const machine = (await identifyProcess(sleeper.pid ?? 0)) ?? expect.fail("it runs");
    const { name } = await store.claim({ exactly: "web" }, known({ machine }));
    await expect(removeGuest(store, name, false)).rejects.toMatchObject({ code: "UKL-617" });
    const ended = once(sleeper, "exit");
    await removeGuest(store, name, true);
    expect(await ended).toEqual([null, "SIGKILL"]);
    expect(await readdir(store.root)).toEqual([".lock"]);
  });

  test("by whoever started a guest does not meet a later one of the same name", async () => {
    const first = await store.claim({ exactly: "web" }, known({ machine: await endedProcess() }));
    await store.remove("web");
    const second = await store.claim(
      { exactly: "web" },
      known({ starter: await endedProcess(), machine: own }),
    );
    await store.remove("web", first);
    await expect(store.update({ ...first, wasEnded: true })).rejects.toMatchObject({ code: "UKL-611" });
    expect(await store.read("web")).toEqual(second);
  });

  test("refuses while the machine is about to be started", async () => {
    await store.claim({ exactly: "web" }, known());
    await expect(removeGuest(store, "web", true)).rejects.toMatchObject({ code: "UKL-613" });
  });
});

describe("a state that is there and cannot be read", () => {
  /** What open(2) refuses to everybody, root too. */
  const unreadable: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
    ELOOP: async (path) => rm(path).then(() => symlink(path, path)),
    EISDIR: async (path) => rm(path).then(() => mkdir(path)),
  };

  test.each(Object.entries(unreadable))(
    "(%s) is an error, and no sweep removes its guest",
    async (code, make) => {
      await store.claim({ exactly: "web" }, known({ machine: own }));
      const path = join(store.directory("web"), "guest.json");
      await make(path);
      const failure = { code: "UKL-618", detail: { cause: expect.stringContaining(code) } };
      await expect(store.read("web")).rejects.toMatchObject(failure);
      await expect(lookAt(store, "web")).rejects.toMatchObject(failure);
      await expect(stopGuest(store, "web", { signal: 15, graceMs: 1 })).rejects.toMatchObject(failure);
      for (const mayEnd of [false, true])
        await expect(removeGuest(store, "web", mayEnd)).rejects.toMatchObject(failure);
      await store.claim({ exactly: "other" }, known());
      expect(await store.names()).toEqual(["other", "web"]);
      await expect(store.claim({ exactly: "web" }, known())).rejects.toMatchObject(failure);
    },
  );
});

describe("a control channel without end", () => {
  // Its end would be another message.
  const masked = "masked sync 0x401000 /bin/exit 3\n";
  const many = masked.repeat(Math.ceil((1024 * 1024) / masked.length));

  test("keeps the start and the exit status", async () => {
    const gone = await endedProcess();
    await store.claim({ exactly: "talkative" }, known({ machine: gone }));
    await control("talkative", `streams\nstart\n${many}exit 7\n`);
    expect(await lookAt(store, "talkative")).toMatchObject({ state: "exited", exitStatus: 7 });
    // Whatever a line is cut into, it is none of its own.
    for (let bytes = 0; bytes < masked.length; bytes++) {
      await control("talkative", `streams\nstart\n${"x".repeat(bytes)}\n${many}exit 7\n`);
      const { messages } = await readProgress(store.directory("talkative"));
      expect(messages.map(({ kind }) => kind)).toEqual(["streams", "start", "masked", "exit"]);
      expect(messages.at(-1)).toEqual({ kind: "exit", status: 7 });
    }
  });
});
