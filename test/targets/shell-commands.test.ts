// SPDX-License-Identifier: MIT
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hostView } from "../../src/host/file-view.js";
import { commandWords, programsRunBy } from "../../src/targets/shell-commands.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();

describe("the commands of a shell script", () => {
  test.each([
    ["sort a b | uniq -c", ["sort", "uniq"]],
    ["A=1 B='x' jq . file && curl -s \"$URL\" || exit 1", ["jq", "curl", "exit"]],
    ["if grep -q x y; then sed s/a/b/\nelse awk 1; fi", ["if", "grep", "sed", "awk", "fi"]],
    ["x=$(date +%s); y=`hostname`", ["date", "hostname"]],
    ["# curl is not used\necho a # nor wget", ["echo"]],
    ["exec /opt/run.sh --all", ["exec", "/opt/run.sh"]],
    ["find . |\\\n  xargs wc", ["find", "xargs", "wc"]],
    ["while ! nc -z h 1; do sleep 1; done", ["while", "nc", "sleep", "done"]],
  ])("%j", (script, expected) => {
    const found = commandWords(script);
    for (const word of expected) expect(found).toContain(word);
    const others = ["a", "b", "file", "x", "y", "wget", "--all", "-s"];
    expect(found.filter((word) => others.includes(word))).toEqual([]);
  });
});

test("programs are found as a shell finds them, and scripts are read in their turn", async () => {
  const directory = join(workshop.directory, "scripts");
  mkdirSync(directory);
  const [first, second, third] = ["first", "second", "third"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(first, `#!/bin/sh\n${second} | env true\n${third}\n/no/such\nno-such-program`);
  writeFileSync(second, "#!/bin/bash\nsort /etc/passwd\n");
  writeFileSync(third, "#!/usr/bin/awk -f\nBEGIN { print | cut }\n");
  for (const path of [first, second, third]) chmodSync(path, 0o755);
  const found = await programsRunBy([`echo ${first}; ${first}`], hostView);
  expect(found).toEqual([
    first,
    "/bin/sh",
    second,
    "/bin/bash",
    "/usr/bin/env",
    third,
    "/usr/bin/awk",
    "/usr/bin/sort",
  ]);
  chmodSync(first, 0o644);
  expect(await programsRunBy([first], hostView)).toEqual([]);
});
