// SPDX-License-Identifier: MIT
/**
 * Each network that leads to a guest, with real servers and clients. What became of each row is kept for the table in
 * docs/network.md, which `npm run test:network -- --write` prints.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { ConfigurationFlags } from "../../src/config/schema.js";
import { buildImage, type Mode, modes } from "./harness.js";
import { freePort, type Server, startServer } from "./server.js";

const results = fileURLToPath(new URL("../../test-results/network/", import.meta.url));
const passts = fileURLToPath(new URL("../../test-results/passt/", import.meta.url));
const rowTimeoutMs = 1_200_000;

export interface TestedNetwork {
  /** As the table names it. */
  readonly name: string;
  readonly net: string;
  /** With the passt that is meant. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the host's clients find the guest. */
  readonly hosts: readonly string[];
}

/** scripts/test-network.js has put these where they are. */
const passtOf = (suite: string, name: string): TestedNetwork => ({
  ...{ name, net: "passt", hosts: ["127.0.0.1", "::1"] },
  env: { PATH: `${join(passts, suite)}:${process.env["PATH"]}` },
});

export const networks: readonly TestedNetwork[] = [
  passtOf("bookworm", "passt 12"),
  passtOf("trixie", "passt 13"),
  { name: "user", net: "user", env: {}, hosts: ["127.0.0.1"] },
];

interface Row {
  /** As the table names it. */
  readonly name: string;
  readonly does: string;
  /** Default: all. */
  readonly on?: readonly TestedNetwork[];
}

export interface NetworkService extends Row {
  /** Without a mode. `scratch` is a directory of the test's own. */
  readonly configuration: (scratch: string) => ConfigurationFlags | Promise<ConfigurationFlags>;
  /** Of the guest, as in -p. */
  readonly ports?: readonly string[];
  /** Of `ukl run`. */
  readonly options?: readonly string[];
  /** Of the program, which is told its ports. */
  readonly args?: (ports: readonly number[]) => readonly string[];
  /** What the server says when it listens; without, there is no server. */
  readonly isReady?: RegExp;
  readonly work: (guest: Reached) => Promise<void>;
}

export interface Reached {
  readonly network: TestedNetwork;
  readonly image: string;
  /** Of the host, for the guest's first, and for all. */
  readonly port: number;
  readonly ports: readonly number[];
  readonly scratch: string;
  readonly output: () => string;
}

/** Rows that share an image. */
export function testNetworks(
  { configuration }: Pick<NetworkService, "configuration">,
  rows: readonly Omit<NetworkService, "configuration">[],
): void {
  const scratch = mkdtempSync(join(tmpdir(), "ukl-network-"));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));
  describe.each(modes)("in %s mode", (mode) => {
    const image = join(scratch, `${mode}.elf`);
    beforeAll(async () => {
      for (const row of rows) for (const network of row.on ?? networks) write(row, network, mode, false);
      await buildImage({ mode, ...(await configuration(scratch)) }, image);
    });
    describe.each(rows)("$name", (row) => {
      test.each(row.on ?? networks)("over $name", { timeout: rowTimeoutMs }, async (network) => {
        onTestFinished(({ task }) => write(row, network, mode, task.result?.state === "pass"));
        if (network.net === "passt") expect(existsSync(network.env["PATH"]?.split(":")[0] ?? "")).toBe(true);
        await reach(row, network, image, scratch);
      });
    });
  });
}

async function reach(
  { ports: ofGuest = [], options = [], args, isReady, work }: Omit<NetworkService, "configuration">,
  network: TestedNetwork,
  image: string,
  scratch: string,
): Promise<void> {
  const ports = await Promise.all(ofGuest.map(freePort));
  const [port = 0] = ports;
  const reached = { network, image, port, ports, scratch };
  if (isReady === undefined) return work({ ...reached, output: () => "" });
  // "=" stands for the same port: a server that tells it to its clients.
  const flags = ofGuest.flatMap((text, index) => [
    "-p",
    `${ports[index]}:${text.replace("=", `${ports[index]}`)}`,
  ]);
  const words = ["--net", network.net, "--timeout", "1100", ...flags, ...options];
  const server: Server = startServer(image, words, args?.(ports) ?? [], network.env);
  try {
    await Promise.race([
      expect.poll(() => server.output(), { timeout: 120_000, interval: 100 }).toMatch(isReady),
      server.ended.then((status) => expect.fail(`it ended with ${status}`)),
    ]);
    await work({ ...reached, output: () => server.output() });
    expect(server.output()).not.toMatch(/killed|masked|Oops|BUG:|WARNING: CPU|Call Trace|error\[/);
  } catch (error) {
    throw new Error(`${image} over ${network.name} said: ${server.output()}`, { cause: error });
  } finally {
    server.process.kill("SIGKILL");
    await server.ended;
  }
}

function write({ name, does }: Row, network: TestedNetwork, mode: Mode, passed: boolean): void {
  mkdirSync(results, { recursive: true });
  const row = { name, does, network: network.name, mode, passed };
  const file = [name, network.name, mode].join("-").replaceAll(/[^\w-]+/g, "-");
  writeFileSync(join(results, `${file}.json`), JSON.stringify(row));
}
