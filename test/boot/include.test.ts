// SPDX-License-Identifier: MIT
/** What a program sees of a directory that is included: on the host it sees a copy that `cp -a` made. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bootImage, buildImage, modes } from "../support/harness.js";
import { testLimit } from "../support/patience.js";

const scratch = mkdtempSync(join(tmpdir(), "ukl-include-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const program = `
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	if (chdir(argv[1]))
		return 1;
	for (int i = 2; i < argc; i++) {
		char target[256] = "", text[256] = "";
		FILE *file = fopen(argv[i], "r");
		ssize_t length = readlink(argv[i], target, sizeof(target) - 1);
		if (file && fgets(text, sizeof(text), file)) {}
		printf("%s [%zd %s] [%s]\\n", argv[i], length, target, text);
	}
}
`;

beforeAll(() => {
  execFileSync("gcc", ["-static", "-x", "c", "-o", join(scratch, "look"), "-"], { input: program });
  mkdirSync(join(scratch, "tree/deep"), { recursive: true });
  writeFileSync(join(scratch, "tree/deep/file"), "in it");
  writeFileSync(join(scratch, "outside"), "outside");
  const links = { plain: "deep/file", through: "way/file", way: "deep", "deep/up": "..", nowhere: "none" };
  for (const [name, target] of Object.entries({ ...links, null: "/dev/null" }))
    symlinkSync(target, join(scratch, "tree", name));
  execFileSync("cp", ["-a", join(scratch, "tree"), join(scratch, "copy")]);
  symlinkSync("../outside", join(scratch, "tree/brought"));
  writeFileSync(join(scratch, "copy/brought"), "outside");
});

const names = [
  "plain",
  "through",
  "way/file",
  "deep/up",
  "deep/up/way/up/plain",
  "nowhere",
  "null",
  "brought",
];

test.each(modes)("links lead to the same in %s mode", { timeout: testLimit(120_000) }, async (mode) => {
  const imagePath = join(scratch, `${mode}.elf`);
  const files = { include: { "/srv/tree": join(scratch, "tree") } };
  await buildImage({ program: join(scratch, "look"), mode, files }, imagePath);
  const { exitStatus, output } = await bootImage({ imagePath, args: ["/srv/tree", ...names] }, 60_000);
  const onHost = execFileSync(join(scratch, "look"), [join(scratch, "copy"), ...names], { encoding: "utf8" });
  expect({ exitStatus, output }).toEqual({ exitStatus: 0, output: onHost });
});
