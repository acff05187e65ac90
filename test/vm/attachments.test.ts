// SPDX-License-Identifier: MIT
import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { type Attachments, planAttachments } from "../../src/vm/attachments.js";

const none: Attachments = { volumes: {}, disks: {} };
const volume = { host: "/srv/a,b", readOnly: false };
const plan = (attachments: Partial<Attachments>, isRoot = true) =>
  planAttachments({ ...none, ...attachments }, isRoot);

describe("a plan", () => {
  test("of nothing is nothing", () => {
    expect(plan({})).toEqual({ qemuArguments: [], mounts: [] });
  });

  test("mounts what is above first, whatever it is", () => {
    const { mounts } = plan({
      volumes: { "/data/a": volume, "/z": volume },
      disks: { "/data/a/b": { file: "1" }, "/data": { file: "2" } },
    });
    expect(mounts.map(({ target, type, source }) => `${source} ${type} ${target}`)).toEqual([
      "/dev/vdb ext4 /data",
      "volume0 9p /data/a",
      "/dev/vda ext4 /data/a/b",
      "volume1 9p /z",
    ]);
  });

  test("lets root alone give files away", () => {
    const model = (isRoot: boolean) =>
      /security_model=(\w+)/.exec(plan({ volumes: { "/a": volume } }, isRoot).qemuArguments.join(" "))?.[1];
    expect([model(true), model(false)]).toEqual(["passthrough", "none"]);
  });

  test("of a read-only volume is read-only on both sides", () => {
    const { qemuArguments, mounts } = plan({ volumes: { "/a": { ...volume, readOnly: true } } });
    expect(qemuArguments.join(" ")).toContain(",readonly=on");
    expect(mounts[0]?.isReadOnly).toBe(true);
  });

  test("is refused for a place that is taken, and for more devices than there is room for", () => {
    const mistake = expect.objectContaining({ code: "UKL-101" });
    expect(() => plan({ volumes: { "/a": volume }, disks: { "/a": { file: "1" } } })).toThrow(mistake);
    const disks = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`/${index}`, { file: `${index}` }]));
    expect(plan({ disks: disks(7) }).mounts).toHaveLength(7);
    expect(() => plan({ disks: disks(8) })).toThrow(mistake);
  });
});

test("QEMU takes the words apart as they were meant: with the commas of a path", () => {
  const { qemuArguments } = plan({ volumes: { "/a": { ...volume, host: "/no,such=directory" } } });
  const qemu = ["-M", "microvm", "-display", "none", ...qemuArguments];
  expect(() => execFileSync("qemu-system-x86_64", qemu, { stdio: "pipe" })).toThrow(
    /'?\/no,such=directory'?: No such file or directory/,
  );
});
