// SPDX-License-Identifier: MIT
import { describe, expect, it } from "vitest";
import type { ControlMessage } from "../../src/vm/guest-contract.js";
import type { BootOutcome } from "../../src/vm/machine.js";
import { judge } from "../../src/vm/probe.js";

const exit: ControlMessage = { kind: "exit", status: 0 };
const rates = (...khz: number[]): ControlMessage[] => khz.map((tscKhz) => ({ kind: "tscKhz", tscKhz }));

function outcome(other: Partial<BootOutcome>): BootOutcome {
  return {
    messages: [],
    timedOut: false,
    timingsMs: { total: 300 },
    consoleTail: "",
    qemu: { exitStatus: 0, stderr: "" },
    ...other,
  };
}

describe("judge", () => {
  it("takes the median of the measurements, whatever their order", () => {
    const messages = [...rates(2_400_100, 9_000_000, 2_400_000, 1_000_000, 2_399_900), exit];
    expect(judge(outcome({ messages }), 3000)).toEqual({ works: true, tscKhz: 2_400_000 });
  });

  it("does not believe a guest that was cut off", () => {
    expect(judge(outcome({ messages: rates(2_400_000) }), 3000)).toMatchObject({ works: false });
    expect(judge(outcome({ messages: rates(2_400_000), timedOut: true }), 3000)).toMatchObject({
      works: false,
      reason: expect.stringContaining("3 s"),
    });
  });

  it("does not believe a rate no processor has", () => {
    for (const khz of [0, 99_999, 100_000_001]) {
      expect(judge(outcome({ messages: [...rates(khz), exit] }), 3000)).toMatchObject({ works: false });
    }
    expect(judge(outcome({ messages: [exit] }), 3000)).toMatchObject({ works: false });
  });

  it("gives QEMU's complaint as the reason, or the signal that ended it", () => {
    const complaint = outcome({ qemu: { exitStatus: 1, stderr: "Could not access KVM kernel module\n" } });
    expect(judge(complaint, 3000)).toEqual({
      works: false,
      reason: "QEMU failed: Could not access KVM kernel module",
    });
    expect(judge(outcome({ qemu: { signal: "SIGABRT", stderr: "" } }), 3000)).toEqual({
      works: false,
      reason: "QEMU failed: SIGABRT",
    });
  });
});
