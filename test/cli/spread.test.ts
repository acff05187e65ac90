// SPDX-License-Identifier: MIT
import { Command } from "commander";
import { expect, test } from "vitest";
import { addImageOptions, collect } from "../../src/cli/options.js";
import { spreadOption } from "../../src/cli/spread.js";

/** What commander makes of the words. */
function understood(words: string) {
  const command = addImageOptions(new Command("run"))
    .option("--append <word>", "", collect, [])
    .argument("[target...]");
  let result: unknown;
  command.action((targets: string[], { include, append }: { include: string[]; append: string[] }) => {
    result = { targets, include, append };
  });
  command.parse([...spreadOption(words.split(" "), command, "--include")], { from: "user" });
  return result;
}

test.each([
  ["prog --include a b c", { targets: ["prog"], include: ["a", "b", "c"], append: [] }],
  ["prog --include a b -m 64M c", { targets: ["prog", "c"], include: ["a", "b"], append: [] }],
  ["--include a prog", { targets: ["prog"], include: ["a"], append: [] }],
  ["--include a=b x.c y.c", { targets: ["x.c", "y.c"], include: ["a=b"], append: [] }],
  ["-m 64M --include a prog --include b c", { targets: ["prog"], include: ["a", "b", "c"], append: [] }],
  ["prog --include=a b", { targets: ["prog"], include: ["a", "b"], append: [] }],
  [
    "--append --include prog --no-bind other",
    { targets: ["prog", "other"], include: [], append: ["--include"] },
  ],
])("%s", (words, expected) => {
  expect(understood(words)).toEqual(expected);
});
