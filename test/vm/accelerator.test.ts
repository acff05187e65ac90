// SPDX-License-Identifier: MIT
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AcceleratorHost, selectAccelerator } from "../../src/vm/accelerator.js";
import type { ProbeResult } from "../../src/vm/probe.js";

const working = (tscKhz: number): ProbeResult => ({ works: true, tscKhz });
const broken: ProbeResult = { works: false, reason: "nothing came" };

let directory: string;
let probed: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ukl-test-"));
  probed = [];
});

afterEach(() => rm(directory, { recursive: true, force: true }));

function hostWith(kvm: ProbeResult, tcg: ProbeResult, other: Partial<AcceleratorHost> = {}): AcceleratorHost {
  return {
    fingerprint: async () => "this boot",
    kvmOpens: async () => true,
    probe: async (accelerator) => {
      probed.push(accelerator);
      return accelerator === "kvm" ? kvm : tcg;
    },
    cachePath: join(directory, "cache", "accelerator-v1.json"),
    ...other,
  };
}

const select = (wanted: "auto" | "kvm" | "tcg", host: AcceleratorHost) =>
  selectAccelerator(wanted, undefined, host);

describe("selectAccelerator", () => {
  it("takes KVM when a guest ran in it, and does not probe TCG", async () => {
    const host = hostWith(working(3_000_000), working(2_000_000));
    expect(await select("auto", host)).toEqual({ accelerator: "kvm", tscKhz: 3_000_000 });
    expect(probed).toEqual(["kvm"]);
  });

  it("takes TCG when KVM opens and runs no guest", async () => {
    const host = hostWith(broken, working(2_000_000));
    expect(await select("auto", host)).toEqual({ accelerator: "tcg", tscKhz: 2_000_000 });
  });

  it("does not probe KVM when it does not open", async () => {
    const host = hostWith(working(3_000_000), working(2_000_000), { kvmOpens: async () => false });
    expect((await select("auto", host)).accelerator).toBe("tcg");
    expect(probed).toEqual(["tcg"]);
  });

  it("refuses an accelerator that was asked for and does not work, with what the probe saw", async () => {
    const host = hostWith(broken, broken);
    for (const wanted of ["kvm", "tcg"] as const) {
      await expect(select(wanted, host)).rejects.toMatchObject({
        code: "UKL-601",
        detail: { cause: "nothing came" },
      });
    }
  });

  it("asks the probe once a boot", async () => {
    const host = hostWith(broken, working(2_000_000));
    const first = await select("auto", host);
    expect(await select("auto", host)).toEqual(first);
    expect(await select("tcg", host)).toEqual(first);
    expect(probed).toEqual(["kvm", "tcg"]);
  });

  it("asks again after the host has changed", async () => {
    await select("tcg", hostWith(broken, working(2_000_000)));
    const changed = hostWith(broken, working(2_500_000), { fingerprint: async () => "next boot" });
    expect((await select("tcg", changed)).tscKhz).toBe(2_500_000);
  });

  it("tries KVM again for a user who insists, although it failed before", async () => {
    await select("auto", hostWith(broken, working(2_000_000)));
    const repaired = hostWith(working(3_000_000), working(2_000_000));
    expect((await select("kvm", repaired)).accelerator).toBe("kvm");
    expect((await select("auto", repaired)).accelerator).toBe("kvm");
  });

  it.each(["", "{", '{"fingerprint":"this boot","results":{"tcg":{"works":true,"tscKhz":"fast"}}}', "[]"])(
    "replaces a damaged cache file: %j",
    async (text) => {
      const host = hostWith(broken, working(2_000_000), {
        cachePath: join(directory, "accelerator-v1.json"),
      });
      await writeFile(host.cachePath, text);
      expect((await select("tcg", host)).tscKhz).toBe(2_000_000);
      expect(JSON.parse(await readFile(host.cachePath, "utf8"))).toEqual({
        fingerprint: "this boot",
        results: { tcg: { works: true, tscKhz: 2_000_000 } },
      });
    },
  );

  it("works without a place to keep the result", async () => {
    const host = hostWith(broken, working(2_000_000), { cachePath: directory });
    expect((await select("tcg", host)).tscKhz).toBe(2_000_000);
    expect((await select("tcg", host)).tscKhz).toBe(2_000_000);
    expect(probed).toEqual(["tcg", "tcg"]);
  });
});
