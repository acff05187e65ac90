// SPDX-License-Identifier: MIT
/** passt of this host, tried as a run tries it. */
import { expect, test } from "vitest";
import { compileHelper } from "../../src/host/helpers.js";
import { passtPlan, relayAddresses } from "../../src/vm/network.js";
import { hostLink, relayCommand } from "../../src/vm/passt.js";
import { tryPasst } from "../../src/vm/passt-trial.js";

const passt = { command: (ports: Parameters<typeof passtPlan>[0]) => passtPlan(ports, hostLink()).helper };

test("with the relay a server that speaks first is heard, and large datagrams pass", async () => {
  const relay = relayCommand(await compileHelper("handshake"), {
    completes: true,
    addresses: relayAddresses,
  });
  expect(await tryPasst({ ...passt, relay })).toEqual({ works: true, greets: true, datagramBytes: 65_492 });
});

test("one that ends says why", async () => {
  const broken = { tool: "sh", args: ["-c", "echo no namespaces >&2; exit 1"] };
  expect(await tryPasst({ command: () => broken })).toEqual({ works: false, reason: "no namespaces" });
});
