// SPDX-License-Identifier: MIT
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../src/host/exec.js";
import { packageFile } from "../../src/host/places.js";
import { inheritedFd, makeBlocking, start } from "../../src/host/spawn.js";

const shell = (script: string) => start({ tool: "sh", args: ["-c", script] });

async function text(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe("start", () => {
  it("gives the program its streams, and further ones", async () => {
    const script = "read a; read b <&4; echo out $a; echo err $a >&2; echo further $b >&3; exit 5";
    const tool = start({ tool: "sh", args: ["-c", script] }, { further: 2 });
    const [first, second] = tool.further as [Duplex, Duplex];
    tool.stdin.write("x\n");
    second.write("y\n");
    second.resume();
    const [stdout, further, end] = await Promise.all([text(tool.stdout), text(first), tool.ended]);
    expect({ stdout, further, end }).toEqual({
      stdout: "out x\n",
      further: "further y\n",
      end: { exitStatus: 5, stderr: "err x\n" },
    });
  });

  it.each([true, false])("gives it a connection that blocks when that is asked: %s", async (isAsked) => {
    const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const connection = connect((server.address() as AddressInfo).port, "127.0.0.1");
    await once(connection, "connect");
    if (isAsked) await makeBlocking(connection);
    const command = { tool: "sed", args: ["-n", "s/^flags:\t//p", `/proc/self/fdinfo/${inheritedFd}`] };
    const tool = start(command, { inherited: [connection] });
    const [flags] = await Promise.all([text(tool.stdout), tool.ended]);
    server.close();
    // O_NONBLOCK, in octal as proc(5) has it.
    expect((Number.parseInt(flags, 8) & 0o4000) === 0).toBe(isAsked);
  });

  it("says which signal ended the program", async () => {
    const tool = shell("echo ready; exec sleep 100");
    tool.stdout.once("data", () => tool.kill());
    expect(await tool.ended).toEqual({ signal: "SIGKILL", stderr: "" });
  });

  it("keeps the end of a long complaint", async () => {
    const tool = shell("yes complaint | head -c 300000 >&2; echo last >&2");
    const { stderr } = await tool.ended;
    expect(stderr.length).toBe(64 * 1024);
    expect(stderr.endsWith("\nlast\n")).toBe(true);
  });

  it("reports a program that is not there as UKL-401", async () => {
    const tool = start({ tool: "no-such-tool", args: [] });
    await expect(tool.ended).rejects.toMatchObject({
      code: "UKL-401",
      detail: { what: "no-such-tool is not installed" },
    });
  });

  it("gives the program a process group of its own, which Ctrl-C on our terminal does not reach", async () => {
    // proc(5): the fifth field of stat is the process group.
    const own = (await readFile("/proc/self/stat", "utf8")).split(" ")[4];
    const tool = shell("cut -d ' ' -f 5 /proc/self/stat");
    const [group] = await Promise.all([text(tool.stdout), tool.ended]);
    expect(Number(group)).toBeGreaterThan(0);
    expect(group.trim()).not.toBe(own);
  });
});

describe("a started program", () => {
  let directory: string;

  // The parent has to be a process of its own, and Node cannot run TypeScript: compile the door by itself.
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "ukl-test-"));
    const options = "--ignoreConfig --module nodenext --target es2022 --skipLibCheck --types node".split(" ");
    const paths = ["--rootDir", packageFile("src"), "--outDir", directory];
    const compiler = packageFile("node_modules", ".bin", "tsc");
    await run({ tool: compiler, args: [...options, ...paths, packageFile("src", "host", "spawn.ts")] });
    await symlink(packageFile("node_modules"), join(directory, "node_modules"));
    await writeFile(join(directory, "package.json"), '{ "type": "module" }');
    await writeFile(
      join(directory, "parent.js"),
      `import { start } from "./host/spawn.js";
       start({ tool: "sh", args: ["-c", "echo $$; exec sleep 100"] }).stdout.pipe(process.stdout);`,
    );
  });

  afterAll(() => rm(directory, { recursive: true, force: true }));

  it.each(["SIGINT", "SIGTERM", "SIGKILL"] as const)("is gone when we are killed by %s", async (signal) => {
    const parent = spawn(process.execPath, [join(directory, "parent.js")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = await firstNumber(parent);
    expect(exists(pid)).toBe(true);
    parent.kill(signal);
    for (let waitedMs = 0; exists(pid) && waitedMs < 2000; waitedMs += 20) await sleep(20);
    expect(exists(pid)).toBe(false);
  });
});

function firstNumber(parent: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    parent.stdout?.once("data", (chunk: Buffer) => resolve(Number(chunk.toString())));
  });
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
