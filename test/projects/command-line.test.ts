// SPDX-License-Identifier: MIT
import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { parseCommand } from "../../src/projects/command-line.js";

describe("a command that needs no shell", () => {
  test.each([
    "node server.js",
    "  node   --enable-source-maps  dist/main.js  ",
    `node -e 'console.log("a  b")' x`,
    `node "a \\"quoted\\" word" a\\ b ''`,
    "printf 'it'\\''s'",
  ])("has the words that a shell makes of it: %s", (line) => {
    const script = `${line.trim().replace(/^\S+/, "printf '%s\\n'")}`;
    const words = execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\n").slice(0, -1);
    expect(parseCommand(line)?.words.slice(1)).toEqual(words);
  });

  test("may begin with variables", () => {
    const expected = { environment: { NODE_ENV: "production", A: "b c" }, words: ["node", "x=1"] };
    for (const line of [
      "NODE_ENV=production A='b c' node x=1",
      "cross-env NODE_ENV=production A='b c' node x=1",
    ])
      expect(parseCommand(line)).toEqual(expected);
  });
});

test.each([
  "a && b",
  "a; b",
  "a | b",
  "a > b",
  "node $FILE",
  'node "$FILE"',
  "node `x`",
  "rm *.js",
  "node 'open",
  "A=b",
  "",
])("only a shell can execute: %s", (line) => {
  expect(parseCommand(line)).toBeUndefined();
});
