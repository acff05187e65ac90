// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { attempt, run } from "../../src/host/exec.js";

const onFullDisk = { tool: "sh", args: ["-c", "cat /proc/version > /dev/full"] };

test("a tool that fails for want of space is UKL-402, whoever asks", async () => {
  const refused = { code: "UKL-402", detail: { cause: expect.stringContaining("No space left on device") } };
  await expect(attempt(onFullDisk)).rejects.toMatchObject(refused);
  await expect(run(onFullDisk)).rejects.toMatchObject(refused);
});

test("a tool that only speaks of full disks does not fail", async () => {
  const command = { tool: "sh", args: ["-c", "echo 'No space left on device' >&2"] };
  expect(await attempt(command)).toMatchObject({ exitStatus: 0 });
});
