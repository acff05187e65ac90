// SPDX-License-Identifier: MIT
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { disksOf, volumesOf } from "../src/attachment-flags.js";

const mistake = expect.objectContaining({ code: "UKL-101" });

describe("-v", () => {
  test.each([
    ["/host:/guest", "/guest", { host: "/host", readOnly: false }],
    ["/host:/guest:ro", "/guest", { host: "/host", readOnly: true }],
    ["/host:/guest:rw", "/guest", { host: "/host", readOnly: false }],
    ["a:b:/guest", "/guest", { host: resolve("a:b"), readOnly: false }],
    [".:/guest", "/guest", { host: resolve("."), readOnly: false }],
    ["/ro:/ro", "/ro", { host: "/ro", readOnly: false }],
    // What is no path is left to the configuration's schema.
    ["/host:ro", "ro", { host: "/host", readOnly: false }],
  ])("%s", (word, guest, volume) => {
    expect(volumesOf([word])).toEqual({ [guest]: volume });
  });

  test.each(["", "/host", ":/guest"])("'%s' is refused", (word) => {
    expect(() => volumesOf([word])).toThrow(mistake);
  });

  test("of two directories at one place is refused", () => {
    expect(() => volumesOf(["/a:/guest", "/b:/guest"])).toThrow(mistake);
  });
});

describe("--disk", () => {
  test.each([
    ["/disk", "/data", { file: "/disk" }],
    ["disk.img", "/data", { file: resolve("disk.img") }],
    ["/disk:/guest", "/guest", { file: "/disk" }],
    ["/disk:/guest:64M", "/guest", { file: "/disk", size: "64M" }],
    ["/disk:1G", "/data", { file: "/disk", size: "1G" }],
    ["a:b:/guest", "/guest", { file: resolve("a:b") }],
  ])("%s", (word, guest, disk) => {
    expect(disksOf([word])).toEqual({ [guest]: disk });
  });

  test.each(["", ":/guest"])("'%s' is refused", (word) => {
    expect(() => disksOf([word])).toThrow(mistake);
  });
});
