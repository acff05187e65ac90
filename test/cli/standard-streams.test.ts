// SPDX-License-Identifier: MIT
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { chooseStdio, openStandardStreams } from "../../src/cli/standard-streams.js";
import type { Terminal } from "../../src/cli/terminal.js";
import { stdioWord } from "../../src/vm/stdio.js";

/** A terminal of ours whose descriptors are terminals where a letter is "t". */
function terminal(kinds: string, more: Partial<Terminal> = {}): Terminal {
  const [input, output, error] = [...kinds].map((kind) => kind === "t") as [boolean, boolean, boolean];
  return {
    ...{ stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() },
    ...{ print: () => undefined, say: () => undefined, isInteractive: false, outputsAreOne: false },
    isTerminal: { input, output, error },
    size: () => ({ rows: 30, columns: 100 }),
    makeRaw: () => () => undefined,
    onResize: () => () => undefined,
    ...more,
  };
}

test.each([
  ["ppp", undefined, "ukl_stdio=sss"],
  ["ttt", undefined, "ukl_stdio=ttt,30,100"],
  ["tpp", undefined, "ukl_stdio=qss,30,100"],
  ["ptt", undefined, "ukl_stdio=stt,30,100"],
  ["ttp", undefined, "ukl_stdio=tts,30,100"],
  ["ttt", false, "ukl_stdio=sss"],
  ["ppp", true, "ukl_stdio=ttt,30,100"],
] as const)("descriptors %s with the wish %s are %s in the guest", (kinds, wish, word) => {
  expect(stdioWord(chooseStdio(wish, terminal(kinds)))).toBe(word);
});

test("outputs that are one here are one there; a terminal without a size has the usual one", () => {
  expect(stdioWord(chooseStdio(undefined, terminal("ppp", { outputsAreOne: true })))).toBe("ukl_stdio=sso");
  expect(stdioWord(chooseStdio(undefined, terminal("ptp", { size: () => undefined })))).toBe(
    "ukl_stdio=sts,24,80",
  );
});

test("a terminal is taken while its guest runs, and its size is passed on", () => {
  const events: string[] = [];
  let resize = () => undefined as undefined;
  const ours = terminal("ttt", {
    makeRaw: () => {
      events.push("raw");
      return () => void events.push("as before");
    },
    onResize: (listener) => {
      resize = () => void listener() as undefined;
      return () => void events.push("deaf");
    },
  });
  const words = new PassThrough();
  const streams = openStandardStreams(chooseStdio(undefined, ours), ours, words, () => undefined);
  resize();
  streams.dispose();
  expect([...words.read()]).toEqual([0x80, 30, 0, 100, 0]);
  expect(events).toEqual(["raw", "deaf", "as before"]);
});

test("Ctrl-] three times within a second asks for the end, and is typed all the same", async () => {
  const ours = terminal("ttt");
  let ends = 0;
  const { console } = openStandardStreams(
    chooseStdio(undefined, ours),
    ours,
    new PassThrough(),
    () => void ends++,
  );
  const typed: Buffer[] = [];
  console.stdin?.on("data", (bytes: Buffer) => typed.push(bytes));
  for (const keys of ["\x1d\x1dx\x1d", "\x1d"]) (ours.stdin as PassThrough).write(keys);
  await new Promise((resolve) => setImmediate(resolve));
  expect(ends).toBe(0);
  (ours.stdin as PassThrough).write("\x1d");
  await new Promise((resolve) => setImmediate(resolve));
  expect([ends, Buffer.concat(typed).toString()]).toEqual([1, "\x1d\x1dx\x1d\x1d\x1d"]);
});
