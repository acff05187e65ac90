// SPDX-License-Identifier: MIT
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { UklError } from "../../src/errors.js";
import { type PasstHost, passtAbility } from "../../src/vm/passt-ability.js";

const scratch = mkdtempSync(join(tmpdir(), "ukl-ability-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function hostWith(name: string, compileRelay: PasstHost["compileRelay"]) {
  const tried: (string | undefined)[] = [];
  const host: PasstHost = {
    fingerprint: async () => name,
    compileRelay,
    try: async (relay) => {
      tried.push(relay?.tool);
      return { works: true, greets: true, datagramBytes: 65_492 };
    },
    cachePath: join(scratch, `${name}.json`),
  };
  return { host, tried };
}

test("passt is tried once, with the relay and without", async () => {
  const { host, tried } = hostWith("whole", async () => "/relay");
  const first = await passtAbility(host);
  expect(first.relay?.tool).toBe("/relay");
  expect(await passtAbility(host)).toEqual(first);
  expect(tried).toEqual([undefined, "/relay"]);
});

test("where the relay cannot be compiled, passt alone is tried once all the same", async () => {
  const missing = new UklError("UKL-401", {
    what: "gcc is missing",
    cause: "no such file",
    fix: "install it",
  });
  const { host, tried } = hostWith("bare", () => Promise.reject(missing));
  const first = await passtAbility(host);
  expect(first).toEqual({ alone: { works: true, greets: true, datagramBytes: 65_492 } });
  expect(await passtAbility(host)).toEqual(first);
  expect(tried).toEqual([undefined]);
});
