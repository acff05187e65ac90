// SPDX-License-Identifier: MIT
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Interruption, interruption } from "../../src/cli/interruption.js";

/** Longer than what passes for one press of Ctrl-C. */
const laterMs = 250;

let interrupt: Interruption;
let passed: number[];

beforeEach(() => {
  interrupt = interruption(600);
  passed = [];
  interrupt.signals.on("data", (bytes: Buffer) => passed.push(...bytes));
});

afterEach(() => interrupt.dispose());

const send = async (name: NodeJS.Signals) => {
  process.kill(process.pid, name);
  await sleep(20);
};

const status = () => (interrupt.signal.aborted ? interrupt.signal.reason.exitStatus : undefined);

describe("a signal to us", () => {
  test("is passed on, and the run goes on", async () => {
    await send("SIGTERM");
    for (const name of ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGHUP"] as const) await send(name);
    expect([passed, status()]).toEqual([[15, 1, 10, 12, 1], undefined]);
  });

  test("that comes a second time ends the machine, but not the echo of the first", async () => {
    await send("SIGINT");
    await send("SIGINT");
    expect([passed, status()]).toEqual([[2], undefined]);
    await sleep(laterMs);
    await send("SIGTERM");
    expect([passed, status()]).toEqual([[2], 143]);
  });

  test("ends the machine when the program takes longer than it may", async () => {
    await send("SIGINT");
    await sleep(400);
    expect(status()).toBeUndefined();
    await sleep(400);
    expect(status()).toBe(130);
  });

  test("ends the machine at once when there is nobody to pass it to", async () => {
    interrupt.signals.destroy();
    await send("SIGHUP");
    expect([passed, status()]).toEqual([[], 129]);
  });

  test("ends the machine when it turns out that there is nobody to pass it to", async () => {
    await send("SIGTERM");
    interrupt.signals.destroy();
    await sleep(20);
    expect(status()).toBe(143);
  });
});
