// SPDX-License-Identifier: MIT
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDetached } from "../../src/host/detached.js";
import { identifyProcess, isRunning, killProcess } from "../../src/host/process.js";
import { inheritedFd } from "../../src/host/spawn.js";
import { openProcesses } from "../kernel/processes.js";

const processes = openProcesses();
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ukl-detached-"));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

const shell = (script: string) =>
  startDetached(
    { tool: "sh", args: ["-c", script, "sh", "a 'word'"], env: { COLOUR: "red" } },
    { directory, stdout: "stdout", stderr: "stderr" },
  );

const read = (name: string) => readFile(join(directory, name), "utf8");

describe("a detached program", () => {
  test("waits for the word, then runs in its directory with its arguments, stdin and files", async () => {
    const tool = await shell('read line; echo "$$ $1 $COLOUR $line"; pwd -P; echo oops >&2; exit 5');
    await sleep(100);
    expect([await read("stdout"), await isRunning(tool.identity)]).toEqual(["", true]);
    tool.go();
    tool.stdin.end("input\n");
    expect(await tool.ended).toEqual({ exitStatus: 5 });
    expect(await read("stdout")).toBe(`${tool.identity.pid} a 'word' red input\n${directory}\n`);
    expect(await read("stderr")).toBe("oops\n");
    expect(await isRunning(tool.identity)).toBe(false);
  });

  test("gets connections, which are closed when it has ended", async () => {
    const server = createServer().listen(join(directory, "socket"));
    await once(server, "listening");
    const ours = connect(join(directory, "socket"));
    const [theirs] = (await once(server, "connection")) as [Socket];
    const outputs = { directory, stdout: "stdout", stderr: "stderr" };
    const command = { tool: "sh", args: ["-c", `echo over >&${inheritedFd}`] };
    const tool = await startDetached(command, { ...outputs, inherited: [theirs] });
    tool.go();
    expect(await text(ours)).toBe("over\n");
    server.close();
  });

  test("is known by the same identity before and after", async () => {
    const tool = await shell("exec sleep 100");
    tool.go();
    while (!(await readFile(`/proc/${tool.identity.pid}/comm`, "utf8")).startsWith("sleep")) await sleep(10);
    expect(await identifyProcess(tool.identity.pid)).toEqual(tool.identity);
    await killProcess(tool.identity);
    expect(await tool.ended).toEqual({ signal: "SIGKILL" });
  });

  test("that is not there is UKL-401", async () => {
    const missing = { tool: "no-such-tool", args: [] };
    await expect(
      startDetached(missing, { directory, stdout: "stdout", stderr: "stderr" }),
    ).rejects.toMatchObject({ code: "UKL-401" });
  });

  test.each([
    ["never runs when we are killed before the word", "", false],
    ["outlives us when we are killed after it", "tool.go();", true],
  ])("%s", async (_, word, isThere) => {
    const other = processes.start(`
      import { startDetached } from "./src/host/detached.js";
      const outputs = { directory: ${JSON.stringify(directory)}, stdout: "stdout", stderr: "stderr" };
      const tool = await startDetached({ tool: "sleep", args: ["100"] }, outputs);
      ${word}
      console.log(JSON.stringify(tool.identity));
      setInterval(() => undefined, 1000);`);
    const identity = JSON.parse(await other.line());
    other.child.kill("SIGKILL");
    await other.ended;
    for (let waitedMs = 0; waitedMs < 500 && (await isRunning(identity)) !== isThere; waitedMs += 10) {
      await sleep(10);
    }
    await sleep(100);
    expect(await isRunning(identity)).toBe(isThere);
    await killProcess(identity);
  });
});

test("what is left of a process that its parent has not asked for does not run", async () => {
  const parent = spawn("sh", ["-c", "sleep 0.05 & echo $!; exec sleep 100"]);
  const [line] = await once(parent.stdout, "data");
  const pid = Number(line);
  for (let state = ""; !state.startsWith("Z"); ) {
    state = (await readFile(`/proc/${pid}/stat`, "utf8")).replace(/^.*\) /, "");
    await sleep(10);
  }
  expect(await identifyProcess(pid)).toBeUndefined();
  parent.kill("SIGKILL");
});
