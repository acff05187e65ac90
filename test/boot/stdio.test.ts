// SPDX-License-Identifier: MIT
/** The standard streams of a guest's program. The same program on the host says what is right. */
import { execFileSync, type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { selectAccelerator } from "../../src/vm/accelerator.js";
import { qemuCommand } from "../../src/vm/command.js";
import { boot } from "../../src/vm/machine.js";
import { cliPath, ukl } from "../support/cli.js";
import { modes } from "../support/harness.js";
import { patience, testLimit } from "../support/patience.js";

const source = fileURLToPath(new URL("stdio-program.c", import.meta.url));
vi.setConfig({ testTimeout: testLimit(180_000) });

const mib = 1024 ** 2;
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-stdio-"));
  execFileSync("gcc", ["-static", "-O2", "-w", "-o", join(scratch, "program"), source]);
  for (const mode of modes) {
    const words = ["--kernel", "generic", "--mode", mode, "-o", `${mode}.elf`];
    const { exitStatus, stderr } = await ukl(["build", join(scratch, "program"), ...words], { cwd: scratch });
    expect({ exitStatus, stderr }).toEqual({ exitStatus: 0, stderr: "" });
  }
  // Every value, and lines that are longer than a terminal takes.
  const bytes = Buffer.alloc(8 * mib, Buffer.from(Array.from({ length: 256 }, (_, value) => value)));
  writeFileSync(join(scratch, "bytes"), Buffer.concat([bytes, Buffer.alloc(mib, "line"), bytes.subarray(5)]));
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Ended {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const statusOf = ({ status, signal }: Pick<SpawnSyncReturns<Buffer>, "status" | "signal">) =>
  status ?? 128 + (signal === null ? 0 : constants.signals[signal]);

/** Runs a command with a file as its stdin. */
function runWith(command: readonly string[], input = "/dev/null"): Ended {
  const [tool = "", ...args] = command;
  const fd = openSync(input, "r");
  const ended = spawnSync(tool, args, { cwd: scratch, stdio: [fd, "pipe", "pipe"], maxBuffer: 64 * mib });
  closeSync(fd);
  return { status: statusOf(ended), stdout: ended.stdout, stderr: ended.stderr.toString() };
}

const onHost = (words: readonly string[], input?: string) =>
  runWith([join(scratch, "program"), ...words], input);
const run = (image: string) => [process.execPath, cliPath, "run", image, "--"];

describe.each(modes)("in %s mode", (mode) => {
  const inGuest = (words: readonly string[], input?: string) =>
    runWith([...run(`${mode}.elf`), ...words], input);
  const inShell = (script: string) => runWith(["bash", "-c", script, "sh", ...run(`${mode}.elf`)], undefined);
  const hostShell = (script: string) => runWith(["bash", "-c", script, "sh", join(scratch, "program")]);

  test("a pipe is a pipe, and no terminal", () => {
    const script = `true | "$@" kinds 2> >(cat >&2) | cat`;
    expect(inShell(script)).toEqual(hostShell(script));
  });

  test("input arrives byte for byte, and ends once", () => {
    expect(inGuest(["count"], join(scratch, "bytes"))).toEqual(onHost(["count"], join(scratch, "bytes")));
    expect(inGuest(["count"])).toEqual(onHost(["count"]));
  });

  test.each(["exit", "killed"])("what was written before the end is there: %s", (how) => {
    const [guest, host] = [inGuest([how]), onHost([how])];
    expect([guest.status, guest.stderr, guest.stdout.equals(host.stdout)]).toEqual([host.status, "", true]);
  });

  test("what was written before a reboot is there, which is no end with a status", () => {
    const { status, stdout, stderr } = inGuest(["reboot"]);
    expect([stdout.equals(onHost(["exit"]).stdout.subarray(0, mib)), stderr]).toEqual([
      true,
      expect.stringContaining("UKL-604"),
    ]);
    expect(status).not.toBe(0);
  });

  test("output and errors are apart, or in their order where they lead to one place", () => {
    expect(inGuest(["both"])).toEqual(onHost(["both"]));
    expect(inShell(`"$@" both 2>&1`)).toEqual(hostShell(`"$@" both 2>&1`));
    expect(inShell(`"$@" reopen 2>&1 | cat`)).toEqual(hostShell(`"$@" reopen 2>&1 | cat`));
  });

  test("a reader that goes is told to the program", () => {
    for (const script of [
      `"$@" exit | head -c 10; echo "\${PIPESTATUS[0]}"`,
      `"$@" refused | head -c 10; echo "\${PIPESTATUS[0]}"`,
    ]) {
      expect(inShell(script)).toEqual(hostShell(script));
    }
  });

  test("of a guest in the background both outputs are kept apart, with their times", async () => {
    const env = { XDG_STATE_HOME: join(scratch, "state") };
    const call = (...args: string[]) => ukl(args, { cwd: scratch, env });
    const beforeMs = Date.now();
    const name = (await call("run", "-d", `${mode}.elf`, "--", "both")).stdout.trim();
    expect((await call("wait", name)).exitStatus).toBe(0);
    const { stdout, stderr } = await call("logs", name);
    const host = onHost(["both"]);
    expect([stdout, stderr]).toEqual([host.stdout.toString(), host.stderr]);
    const stamped = (await call("logs", "--timestamps", name)).stdout.trimEnd().split("\n");
    expect(stamped.map((line) => line.replace(/^\S+ /, ""))).toEqual(stdout.trimEnd().split("\n"));
    const timesMs = stamped.map((line) => Date.parse(line.split(" ")[0] ?? ""));
    expect(timesMs).toEqual(timesMs.toSorted((left, right) => left - right));
    expect(timesMs[0]).toBeGreaterThanOrEqual(beforeMs);
    expect(timesMs.at(-1)).toBeLessThanOrEqual(Date.now());
    expect((await call("rm", name)).exitStatus).toBe(0);
  });

  test("in a machine without streams the console is all three, and nobody hears us", async () => {
    const { tscKhz } = await selectAccelerator("tcg");
    const imagePath = join(scratch, `${mode}.elf`);
    const { tool, args } = qemuCommand({ imagePath, accelerator: "tcg", tscKhz });
    const isOfStreams = (word = "") => /^(virtio-serial|virtconsole|virtserialport)/.test(word);
    const words = args.filter((word, index) => !isOfStreams(word) && !isOfStreams(args[index + 1]));
    expect(words.length).toBe(args.length - 10);
    const chunks: Uint8Array[] = [];
    const signals = new PassThrough();
    const { messages } = await boot(
      { tool, args: words },
      {
        stdin: Readable.from([Buffer.from("one\nunfinished")]),
        words: signals,
        onOutput: (chunk) => void chunks.push(chunk),
        timeoutMs: patience(60_000),
      },
    );
    expect(messages.map(({ kind }) => kind)).toEqual(["start", "exit"]);
    expect(Buffer.concat(chunks).toString()).toBe("0 tty 1 fifo 0\n1 tty 1 fifo 0\n2 tty 1 fifo 0\n");
    expect(signals.destroyed).toBe(true);
  });

  test("loses nothing to a reader that is slow, which does not keep errors back", async () => {
    const child = spawn(process.execPath, run(`${mode}.elf`).slice(1).concat("exit"), { cwd: scratch });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      child.stdout.pause();
      setTimeout(() => child.stdout.resume(), 2);
    });
    const [status] = await once(child, "close");
    expect([status, Buffer.concat(chunks).equals(onHost(["exit"]).stdout)]).toEqual([7, true]);
  });
});
