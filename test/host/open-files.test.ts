// SPDX-License-Identifier: MIT
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { processesHolding } from "../../src/host/open-files.js";

const scratch = realpathSync(mkdtempSync(join(tmpdir(), "ukl-open-files-")));
afterAll(() => rmSync(scratch, { recursive: true }));

test("who has a file open is told, by name", async () => {
  const file = join(scratch, "file");
  writeFileSync(file, "");
  expect(await processesHolding(file)).toEqual([]);
  const child = spawn("sh", ["-c", `exec 3<${file}; echo open; exec cat`]);
  await once(child.stdout, "data");
  try {
    await expect.poll(() => processesHolding(file)).toEqual([{ pid: child.pid, name: "cat" }]);
  } finally {
    child.stdin.end();
    await once(child, "close");
  }
  expect(await processesHolding(file)).toEqual([]);
});
