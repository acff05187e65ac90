// SPDX-License-Identifier: MIT
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ukl } from "../support/cli.js";

test.each(["--version", "-V"])("%s tells which version it is", async (flag) => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8"));
  expect(await ukl([flag])).toMatchObject({ exitStatus: 0, stdout: `${version}\n`, stderr: "" });
});
