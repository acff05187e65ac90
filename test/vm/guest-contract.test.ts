// SPDX-License-Identifier: MIT
import { describe, expect, it } from "vitest";
import { type ControlMessage, ControlReader, endOfInput } from "../../src/vm/guest-contract.js";

function messagesOf(...chunks: string[]): ControlMessage[] {
  const reader = new ControlReader();
  return chunks.flatMap((chunk) => reader.read(Buffer.from(chunk, "latin1")));
}

describe("the control channel", () => {
  const text =
    "streams\nstart\ntsc_khz 2445430\nkilled ptrace 0x4394d7 a name\nerror /ukl/exec 7\n" +
    "tried ptrace                                3\nexit 139\n";
  const expected: ControlMessage[] = [
    { kind: "streams" },
    { kind: "start" },
    { kind: "tscKhz", tscKhz: 2_445_430 },
    { kind: "killed", call: "ptrace", site: "0x4394d7", program: "a name" },
    { kind: "error", what: "/ukl/exec", errno: 7 },
    { kind: "tried", call: "ptrace", count: 3 },
    { kind: "exit", status: 139 },
  ];

  it("is understood when it arrives in one piece", () => {
    expect(messagesOf(text)).toEqual(expected);
  });

  it("is understood when it arrives in any two pieces", () => {
    for (let cut = 0; cut <= text.length; cut += 1) {
      expect(messagesOf(text.slice(0, cut), text.slice(cut))).toEqual(expected);
    }
  });

  it("is understood when it arrives byte by byte", () => {
    expect(messagesOf(...text)).toEqual(expected);
  });

  it("says nothing before a line has ended", () => {
    expect(messagesOf("exit 0")).toEqual([]);
  });

  it.each([
    "exit 256",
    "exit -1",
    "exit 01",
    "exit",
    "exit 0 ",
    "exit 0\r",
    " start",
    "started",
    "tsc_khz 1e9",
    "killed ptrace 4394d7 name",
    "masked ptr ace 0x1 name",
    "tried ptrace",
    "tried ptrace -1",
    "error execve",
    "error execve -2",
    "tsc_khz 1234567890123",
    "",
    "\xff\0",
  ])("ignores the malformed line %j and understands the next one", (line) => {
    expect(messagesOf(`${line}\nexit 3\n`)).toEqual([{ kind: "exit", status: 3 }]);
  });

  it("ignores a line without end, even one that ends like a message", () => {
    expect(messagesOf(`${"x".repeat(100_000)}exit 1\nexit 2\n`)).toEqual([{ kind: "exit", status: 2 }]);
  });
});

describe("the end of stdin", () => {
  it.each([
    ["no input", undefined, [4]],
    ["a whole line", 0x0a, [4]],
    ["an end of file", 0x04, [4]],
    ["an unfinished line", 0x61, [4, 4]],
    ["a NUL", 0, [4, 4]],
  ])("behind %s", (_, lastByte, expected) => {
    expect([...endOfInput(lastByte)]).toEqual(expected);
  });
});
