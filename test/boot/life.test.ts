// SPDX-License-Identifier: MIT
/** From `ukl run` to the end of a guest, by signals and by itself. The same program on the host says what is right. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, readdirSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { Guest } from "../../src/guests.js";
import { cliPath, ukl } from "../support/cli.js";
import { modes } from "../support/harness.js";
import { patience, testLimit } from "../support/patience.js";
import { processesWith } from "../support/processes.js";
import { freePort } from "../support/server.js";

const source = fileURLToPath(new URL("life-program.c", import.meta.url));
// Each command is a process of its own, and a test has many.
vi.setConfig({ testTimeout: testLimit(180_000) });

let scratch: string;
let env: Record<string, string>;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-life-"));
  env = { XDG_STATE_HOME: join(scratch, "state") };
  execFileSync("gcc", ["-static", "-o", join(scratch, "program"), source]);
  for (const mode of modes) {
    const output = ["--kernel", "generic", "--mode", mode, "-o", `${mode}.elf`];
    const { exitStatus, stderr } = await ukl(["build", join(scratch, "program"), ...output], {
      cwd: scratch,
    });
    expect({ exitStatus, stderr }).toEqual({ exitStatus: 0, stderr: "" });
  }
});

afterEach(async () => {
  const names = (await guests()).map(({ name }) => name);
  if (names.length > 0) await call("rm", "--force", ...names);
  expect(machines()).toEqual([]);
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

const call = (...args: string[]) => ukl(args, { cwd: scratch, env });

async function guests(): Promise<readonly Guest[]> {
  return JSON.parse((await call("ps", "--all", "--json")).stdout);
}

/** Starts a guest; returns its name. */
async function detach(image: string, ...words: string[]): Promise<string> {
  const { stdout, stderr, exitStatus } = await call("run", "-d", image, ...words);
  expect({ stderr, exitStatus }).toEqual({ stderr: "", exitStatus: 0 });
  return stdout.trimEnd();
}

/** QEMUs, and shells that wait to become one. */
function machines(): readonly number[] {
  return processes().filter((pid) => {
    try {
      return !readlinkSync(`/proc/${pid}/exe`).includes("/helpers/");
    } catch {
      return false;
    }
  });
}

/** Those whose working directory is a guest's: machines, and the relays of their networks, which end after them. */
function processes(): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(join(scratch, "state"));
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function isTaken(port: number): Promise<boolean> {
  const client = connect(port, "127.0.0.1");
  return once(client, "connect")
    .then(
      () => true,
      () => false,
    )
    .finally(() => client.destroy());
}

interface Ending {
  readonly stdout: string;
  readonly exitStatus: number;
}

/** Sends the signals, each when the program has answered the one before, and waits for the end. */
async function drive(child: ChildProcess, signals: readonly NodeJS.Signals[]): Promise<Ending> {
  let stdout = "";
  let lines = 0;
  const remaining = [...signals];
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    for (const seen = stdout.split("\n").length - 1; lines < seen; lines++) {
      const next = remaining.shift();
      if (next !== undefined) child.kill(next);
    }
  });
  const [code, signal]: [number | null, NodeJS.Signals | null] = (await once(child, "close")) as never;
  return { stdout, exitStatus: signal === null ? (code ?? 0) : 128 + constants.signals[signal] };
}

const onHost = (word: string, signals: readonly NodeJS.Signals[]) =>
  drive(spawn(join(scratch, "program"), [word]), signals);

const inGuest = (image: string, word: string, signals: readonly NodeJS.Signals[], ...flags: string[]) =>
  drive(
    spawn(process.execPath, [cliPath, "run", image, ...flags, "--", word], { cwd: scratch, stdio: "pipe" }),
    signals,
  );

describe.each(modes)("a %s guest", (mode) => {
  const image = `${mode}.elf`;

  test.each([
    ["handles", "signals", ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGHUP", "SIGTERM"]],
    ["handles", "signals", ["SIGINT"]],
    ["does not handle", "defaults", ["SIGTERM"]],
    ["does not handle", "defaults", ["SIGINT"]],
    ["does not handle", "defaults", ["SIGHUP"]],
  ] as const)("gets the signals sent to us, which its program %s: %s %j", async (_, word, signals) => {
    expect(await inGuest(image, word, signals)).toEqual(await onHost(word, signals));
  });

  test("is ended when its program takes longer than the grace time", async () => {
    const { stdout, exitStatus } = await inGuest(image, "stubborn", ["SIGTERM"], "--grace", "1");
    expect({ stdout, exitStatus }).toEqual({ stdout: "ready\ngot 15\n", exitStatus: 143 });
  });

  test("runs by itself: is listed, read, signalled, stopped, waited for and removed", async () => {
    const name = await detach(image, "--guest", "one", "-m", "96M", "--", "stdin");
    expect(name).toBe("one");
    const running = { name, state: "running", mode, memory: "96M", cpus: 1, ports: [], image };
    expect(await guests()).toEqual([{ ...running, startedAt: expect.any(String) }]);
    expect((await call("ps")).stdout).toMatch(new RegExp(`\none +running +${mode} +96M +- +20`));

    const following = call("logs", "-f", name);
    const waiting = call("wait", name);
    expect(await call("signal", name, "HUP")).toEqual({ exitStatus: 0, stdout: "", stderr: "" });
    while (!(await call("logs", name)).stdout.includes("got")) await sleep(50);
    expect(await call("rm", name)).toMatchObject({
      exitStatus: 69,
      stderr: expect.stringContaining("UKL-617"),
    });
    expect(await call("stop", name)).toEqual({ exitStatus: 0, stdout: "one\n", stderr: "" });

    const expected = await onHost("signals", ["SIGHUP", "SIGTERM"]);
    const stdout = `stdin ends with -1\n${expected.stdout}`;
    expect(await following).toEqual({ exitStatus: 0, stdout, stderr: "" });
    expect(await waiting).toEqual({ exitStatus: expected.exitStatus, stdout: "", stderr: "" });
    expect((await call("ps")).stdout).not.toContain(name);
    expect(await guests()).toMatchObject([{ name, state: "exited", exitStatus: expected.exitStatus }]);
    expect(await call("signal", name, "HUP")).toMatchObject({ stderr: expect.stringContaining("UKL-613") });
    expect((await call("rm", name)).stdout).toBe("one\n");
    expect(existsSync(join(scratch, "state", "uklkit", "guests", name))).toBe(false);
  });

  test("keeps its network as long as its machine", async () => {
    const port = await freePort();
    const name = await detach(image, "-p", `127.0.0.1:${port}:7`, "--", "serve");
    expect(await guests()).toMatchObject([{ name, ports: [`127.0.0.1:${port}:7`] }]);
    for (const word of ["first", "second"]) {
      // At the first try: the start has waited for the port.
      const client = connect(port, "127.0.0.1");
      client.write(word);
      expect(await text(client)).toBe(word);
    }
    process.kill(machines()[0] ?? 0, "SIGKILL");
    for (let waitedMs = 0; (await isTaken(port)) && waitedMs < 5000; waitedMs += 50) await sleep(50);
    expect(await isTaken(port)).toBe(false);
  });

  test("ends when passt does, and says so", async () => {
    const port = await freePort();
    const name = await detach(image, "-p", `127.0.0.1:${port}:7`, "--net", "passt", "--", "serve");
    const passts = execFileSync("pgrep", ["-f", `passt .*--tcp-ports 127.0.0.1/${port}:7`], {
      encoding: "utf8",
    });
    for (const pid of passts.trim().split("\n")) process.kill(Number(pid), "SIGKILL");
    const { exitStatus, stderr } = await call("wait", name);
    expect({ exitStatus, stderr }).toEqual({
      exitStatus: 69,
      stderr: expect.stringMatching(/^error\[UKL-604\]/),
    });
    const { stdout, stderr: console } = await call("logs", name);
    expect(stdout + console).toContain("passt ended before the guest did: the machine was ended\n");
  });

  test("is ended by stop when its program does not end by itself", async () => {
    const name = await detach(image, "--", "stubborn");
    expect((await call("stop", "--grace", "0.5", name)).exitStatus).toBe(0);
    expect((await call("logs", name)).stdout).toBe("ready\ngot 15\n");
    expect(await guests()).toMatchObject([{ state: "exited", exitStatus: 137 }]);
  });

  test("that has printed more than is kept goes on to be read and followed, and leaves nobody behind", async () => {
    const name = await detach(image);
    const directory = join(scratch, "state", "uklkit", "guests", name);
    const output = join(directory, "stdout");
    while (!(await call("logs", name)).stdout.includes("ready")) await sleep(50);
    // As the guest would in some minutes.
    appendFileSync(output, Buffer.alloc(40 << 20, `${"x".repeat(63)}\n`));
    const onDisk = () => statSync(output).blocks * 512;
    await expect.poll(onDisk, { timeout: patience(20_000) }).toBeLessThan(17 << 20);
    const following = call("logs", "-f", name);
    expect(processesWith(directory).length).toBeGreaterThan(0);
    expect(await call("signal", name, "HUP")).toMatchObject({ exitStatus: 0 });
    await call("stop", name);
    const { stdout } = await following;
    const later = "got 1\ngot 15\n";
    expect(stdout.length).toBeLessThanOrEqual((16 << 20) + later.length);
    expect(stdout.slice(-80)).toMatch(new RegExp(`x{63}\n${later}$`));
    await expect.poll(() => processesWith(directory), { timeout: patience(5000) }).toEqual([]);
  });

  test("is stopped by the signal that it wants", async () => {
    const name = await detach(image);
    await call("stop", "--signal", "INT", name);
    expect((await call("logs", name)).stdout).toBe((await onHost("signals", ["SIGINT"])).stdout);
  });

  test("has crashed when something else ended its machine", async () => {
    const name = await detach(image);
    const [pid = 0] = machines();
    process.kill(pid, "SIGKILL");
    while (machines().length > 0) await sleep(20);
    expect(await guests()).toMatchObject([{ name, state: "crashed" }]);
    expect(await call("wait", name)).toMatchObject({
      exitStatus: 69,
      stderr: expect.stringContaining("UKL-604"),
    });
    expect(await call("signal", name, "HUP")).toMatchObject({ stderr: expect.stringContaining("UKL-613") });
    expect(await call("stop", name)).toMatchObject({ exitStatus: 0 });
    expect(await call("rm", name)).toMatchObject({ exitStatus: 0, stdout: `${name}\n` });
  });

  test("whose program cannot be executed says why", async () => {
    // Longer than MAX_ARG_STRLEN, and so too long for the host's own execve(2).
    writeFileSync(join(scratch, "long.json"), JSON.stringify({ args: ["x".repeat(128 * 1024)] }));
    const { exitStatus, stderr } = await call("wait", await detach(image, "--config", "long.json"));
    expect({ exitStatus, stderr }).toMatchObject({
      exitStatus: 69,
      stderr: expect.stringMatching(/UKL-604.*\n.*E2BIG/),
    });
  });

  test("that cannot be started says why, and leaves nothing", async () => {
    expect(await call("run", "-d", image, "-m", "9999999M")).toMatchObject({
      exitStatus: 69,
      stderr: expect.stringContaining("UKL-602"),
    });
    expect(await guests()).toEqual([]);
  });
});

test("eight guests start at once, each with a name and a machine of its own", async () => {
  const names = await Promise.all(
    Array.from({ length: 8 }, (_, index) => detach(`${modes[index % 2]}.elf`, "--", `guest-${index}`)),
  );
  expect(new Set(names).size).toBe(8);
  expect((await guests()).map(({ name, state }) => [name, state]).sort()).toEqual(
    names.map((name) => [name, "running"]).sort(),
  );
  expect(machines().length).toBe(8);
  await call("stop", ...names);
  expect((await guests()).map(({ exitStatus }) => exitStatus)).toEqual(Array(8).fill(7));
});

test("a start that is interrupted leaves nothing", async () => {
  const child = spawn(process.execPath, [cliPath, "run", "-d", "unikernel.elf"], {
    cwd: scratch,
    env: { ...process.env, ...env },
  });
  while (machines().length === 0) await sleep(5);
  child.kill("SIGINT");
  expect(await once(child, "close")).toEqual([130, null]);
  expect(await guests()).toEqual([]);
});

test("whenever a start is killed, there is no machine that is not a guest's", async () => {
  for (let delayMs = 0; delayMs < 600; delayMs += 100) {
    const child = spawn(process.execPath, [cliPath, "run", "-d", "unikernel.elf"], {
      cwd: scratch,
      env: { ...process.env, ...env },
    });
    const directory = join(scratch, "state", "uklkit", "guests", "unikernel");
    while (!existsSync(directory) && child.exitCode === null) await sleep(1);
    await sleep(delayMs);
    child.kill("SIGKILL");
    if (child.exitCode === null) await once(child, "close");
    await sleep(100); // for a shell that waits to see that nobody is there
    const alive = (await guests()).filter(({ state }) => state === "running" || state === "starting");
    expect(machines().length).toBe(alive.length);
    for (const { name } of await guests()) await call("rm", "--force", name);
    expect(machines()).toEqual([]);
    await expect.poll(processes, { timeout: 5000 }).toEqual([]);
  }
});
