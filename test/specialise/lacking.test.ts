// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { lackingOptions } from "../../src/specialise/lacking.js";
import { readNeeds } from "../../src/specialise/needs.js";

const options = (...names: readonly string[]) => names.map((name) => ({ name }));

test("a special kernel lacks what nobody asked for", async () => {
  const needs = await readNeeds();
  const fileSystem = ["CONFIG_EXT4_FS", "CONFIG_EXT4_FS_POSIX_ACL", "CONFIG_EXT4_FS_SECURITY"];
  const disk = options("CONFIG_VIRTIO_BLK", ...fileSystem, "CONFIG_DEVTMPFS");
  expect(lackingOptions(needs, { base: "special", options: disk }, "a disk")).toEqual([]);
  expect(lackingOptions(needs, { base: "special", options: disk.slice(1) }, "a disk")).toEqual([
    "CONFIG_VIRTIO_BLK",
  ]);
  expect(lackingOptions(needs, { base: "special", options: disk }, "volumes")).toContain("CONFIG_9P_FS");
});

test("a generic kernel, and one of an image from before there were others, lacks nothing", async () => {
  const needs = await readNeeds();
  expect(lackingOptions(needs, { base: "generic", options: [] }, "volumes")).toEqual([]);
  expect(lackingOptions(needs, {}, "volumes")).toEqual([]);
});
