// SPDX-License-Identifier: MIT
/**
 * Programs as Debian ships them, or as a compiler of Debian makes them, at their real work in both modes. What became
 * of each is kept for the table in docs/programs.md, which `npm run test:programs -- --write` prints.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { ConfigurationFlags } from "../../src/config/schema.js";
import { bootImage, buildImage, type Mode, modes } from "./harness.js";
import { patience, testLimit } from "./patience.js";
import { freePort, type Server, withServer } from "./server.js";

const results = fileURLToPath(new URL("../../test-results/programs/", import.meta.url));
const clientTimeoutMs = 120_000;
const testTimeoutMs = testLimit(400_000);

/** What all tests of programs say of theirs. */
interface Described {
  /** As the table names it. */
  readonly name: string;
  /** What it is made to do, for the table. */
  readonly workload: string;
  /** Without a mode. `scratch` is a directory of the test's own. */
  readonly configuration: (scratch: string) => ConfigurationFlags | Promise<ConfigurationFlags>;
}

export interface ServerProgram extends Described {
  /** Of the guest. */
  readonly ports: readonly [number, ...number[]];
  /** Of `ukl run`. */
  readonly options?: readonly string[];
  /** Its clients. */
  readonly work: (guest: Guest) => Promise<void>;
  /** After SIGTERM, which `ukl run` gets. */
  readonly exitStatus: number;
}

interface Guest {
  /** Of the host, for the guest's first, and for all. */
  readonly port: number;
  readonly ports: readonly number[];
  readonly server: Server;
  readonly scratch: string;
  readonly mode: Mode;
}

/** What a program of the host prints that is given an empty stdin, as a guest's is in a test. */
async function execute(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const limits = { timeout: patience(clientTimeoutMs), maxBuffer: 1 << 26 };
  const { stdout } = await execa(program, args, {
    ...limits,
    env,
    stdin: "ignore",
    stripFinalNewline: false,
  });
  return stdout;
}

/** A path of test/programs/files/. */
export function file(name: string): string {
  return fileURLToPath(new URL(`../programs/files/${name}`, import.meta.url));
}

/** Runs a client, or a compiler, and returns what it prints. */
export async function client(tool: string, ...args: readonly string[]): Promise<string> {
  return execute(tool, args);
}

/** Some seconds of requests by eight clients, each of which gets an answer that is no error. */
export async function load(url: string): Promise<void> {
  const report = await client("wrk", "--threads", "2", "--connections", "8", "--duration", "3s", url);
  expect(report).toMatch(/^ +[1-9]\d* requests in /m);
  expect(report).not.toMatch(/Socket errors|Non-2xx/);
}

/** A server with real clients on the host. */
export function testServer(program: ServerProgram): void {
  inBothModes(program, (scratch, mode) => {
    const image = join(scratch, `${mode}.elf`);
    beforeAll(async () => {
      await buildImage({ mode, ...(await program.configuration(scratch)) }, image);
    });

    test(program.workload, { timeout: testTimeoutMs }, async () => {
      record(program, mode);
      const ports = await Promise.all(program.ports.map(freePort));
      const [port = 0] = ports;
      const flags = program.ports.flatMap((ofGuest, index) => ["-p", `${ports[index]}:${ofGuest}`]);
      await withServer(image, [...flags, ...(program.options ?? [])], async (server) => {
        await program.work({ port, ports, server, scratch, mode });
        await server.stop();
        expect(await server.ended).toBe(program.exitStatus);
      });
    });
  });
}

/** A program that ends by itself: what it prints is what it prints on the host. */
export function testCommand(described: Described): void {
  inBothModes(described, (scratch, mode) => {
    test(described.workload, { timeout: testTimeoutMs }, async () => {
      record(described, mode);
      const configuration = await described.configuration(scratch);
      const imagePath = join(scratch, `${mode}.elf`);
      await buildImage({ mode, ...configuration }, imagePath);
      const { program = "", args = [], env = {} } = configuration;
      const expected = await execute(program, args, env);
      const { exitStatus, output, masked } = await bootImage({ imagePath }, clientTimeoutMs);
      expect({ exitStatus, output, masked }).toEqual({ exitStatus: 0, output: expected, masked: [] });
    });
  });
}

/** A script that asks some forty questions about the machine it is on: the answers are the host's. */
export function testQuestions(
  name: string,
  script: string,
  env: Readonly<Record<string, string>> = {},
): void {
  testCommand({
    name: `${name}, questions`,
    workload: "what it finds of its machine",
    configuration: () => ({ program: file(script), env: { LC_ALL: "C.UTF-8", HOME: "/root", ...env } }),
  });
}

function inBothModes(described: Described, define: (scratch: string, mode: Mode) => void): void {
  const scratch = mkdtempSync(join(tmpdir(), "ukl-program-"));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));
  describe(described.name, () => {
    describe.each(modes)("in %s mode", (mode) => {
      beforeAll(() => expectRow(described, mode));
      define(scratch, mode);
    });
  });
}

type Row = Pick<Described, "name" | "workload">;

/** Once the test has ended, its row of the table. */
export function record(row: Row, mode: Mode): void {
  onTestFinished(({ task }) => writeRow(row, mode, task.result?.state === "pass"));
}

/** For a program that comes to no test, because it cannot be built: an earlier result does not stand for this one. */
export function expectRow(row: Row, mode: Mode): void {
  writeRow(row, mode, false);
}

function writeRow({ name, workload }: Row, mode: Mode, passed: boolean): void {
  mkdirSync(results, { recursive: true });
  const row = { program: name, workload, mode, passed };
  writeFileSync(join(results, `${name.replaceAll(/\W+/g, "-")}-${mode}.json`), JSON.stringify(row));
}
