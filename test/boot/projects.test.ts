// SPDX-License-Identifier: MIT
/** Projects that are started by their directory; what they print and answer on this host is right. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { planProject } from "../../src/projects/recognise.js";
import { cliPath } from "../support/cli.js";
import { modes } from "../support/harness.js";
import { patience, testLimit } from "../support/patience.js";
import { ask, freePort, startServer } from "../support/server.js";

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/projects/${name}`, import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "ukl-projects-"));
const limitMs = testLimit(240_000);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** In a virtual environment, which has no packages. */
const inEnvironment = join(scratch, "environment");
beforeAll(() => {
  cpSync(fixture("http-server"), inEnvironment, { recursive: true });
  execFileSync("python3", ["-m", "venv", "--without-pip", join(inEnvironment, ".venv")]);
  // A shell and programs for it are what scripts may count on.
  const command = "echo upper | tr a-z A-Z; ls -d /etc";
  const python = [
    "import subprocess, sys, zoneinfo",
    "print(sys.argv[1:], sys.prefix, zoneinfo.ZoneInfo('Europe/Berlin'), flush=True)",
    `subprocess.run("${command}", shell=True)`,
    "sys.exit(3)",
  ];
  writeFileSync(join(scratch, "alone.py"), python.join("\n"));
  const node = [
    'import { execSync } from "node:child_process";',
    `process.stdout.write(execSync("${command}"));`,
    "console.log(process.argv.slice(2), import.meta.dirname);",
    "process.exit(4);",
  ];
  writeFileSync(join(scratch, "alone.mjs"), node.join("\n"));
});

describe.each(modes)("in %s mode", (mode) => {
  const options = ["--mode", mode, "--kernel", "generic"];

  test.each([
    ["a module of Node with what it imports and reads", fixture("esm")],
    ["a file of Python", join(scratch, "alone.py")],
    ["a file of Node", join(scratch, "alone.mjs")],
  ])(
    "%s prints and ends as on the host",
    async (_, place) => {
      const { program, args, workingDirectory } = await planProject(place);
      const host = spawnSync(program, [...args, "a", "b c"], { cwd: workingDirectory, encoding: "utf8" });
      const words = [cliPath, "run", place, ...options, "--timeout", String(patience(100)), "--", "a", "b c"];
      const guest = spawnSync(process.execPath, words, { encoding: "utf8" });
      expect(host.stdout).not.toBe("");
      expect(guest.stderr).not.toMatch(/error\[/);
      expect([guest.stdout, guest.status]).toEqual([host.stdout, host.status]);
    },
    limitMs,
  );

  test.each([
    ["Express, with modules and files", fixture("express"), 3000, ["/", "/where", "/none"]],
    ["Python's own server", fixture("http-server"), 8000, ["/", "/a/b"]],
    ["one in a virtual environment", inEnvironment, 8000, ["/", "/a/b"]],
  ])(
    "a server answers as on the host: %s",
    async (_, place, port, paths) => {
      const guestPort = await freePort();
      const server = startServer(place, [
        ...options,
        "-p",
        `${guestPort}:${port}`,
        "--timeout",
        String(patience(200)),
      ]);
      const inGuest = await answersOf(guestPort, paths).finally(() => server.stop());
      const { program, args, workingDirectory, environment } = await planProject(place);
      const env = { ...process.env, ...environment };
      const host = spawn(program, args, { cwd: workingDirectory, env, stdio: "ignore" });
      const onHost = await answersOf(port, paths).finally(() => host.kill());
      const [code, signal] = await once(host, "close");
      expect(inGuest).toEqual(onHost);
      expect(await server.ended).toBe(signal === null ? code : 128 + 15);
    },
    limitMs,
  );
});

/** Statuses and bodies. */
async function answersOf(port: number, paths: readonly string[]): Promise<readonly string[]> {
  const answers: string[] = [];
  for (const path of paths) {
    const answer = await ask(port, `GET ${path} HTTP/1.0\r\n\r\n`, /\r\n\r\n(?:.|\n)+$/);
    answers.push(answer.replace(/^HTTP\/1\.[01]/, "").replace(/^(?:Date|ETag|Server):.*\r\n/gim, ""));
  }
  return answers;
}
