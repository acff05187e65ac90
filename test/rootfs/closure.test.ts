// SPDX-License-Identifier: MIT
import { describe, expect, test } from "vitest";
import { hostView } from "../../src/host/file-view.js";
import { applicationTree } from "../../src/rootfs/closure.js";

const source = {
  view: hostView,
  program: "/usr/bin/true",
  isDynamic: false,
  isAlone: false,
  programBytes: new Uint8Array(),
  accounts: [],
  scripts: [],
  data: [],
  essentials: [],
  isWhole: false,
  directories: [],
};

describe("the files that a program names", () => {
  test("has a database whose entries are chosen at run time no file of it, however its path is written", async () => {
    for (const path of ["/usr/share/zoneinfo", "/usr/share/zoneinfo/"]) {
      const files = [{ path, kind: "timezone" }];
      const tree = await applicationTree(source, { libraries: [], missingLibraries: [], files });
      expect([...tree.files.keys()].filter((each) => each.startsWith(path))).toEqual([]);
    }
  });

  test("are in the image where they are on this machine", async () => {
    const files = [
      { path: "/etc/host.conf", kind: "nss" },
      { path: "/etc/debian_version", kind: "configuration" },
    ];
    const tree = await applicationTree(source, { libraries: [], missingLibraries: [], files });
    expect([...tree.files.keys()]).toContain("/etc/debian_version");
    expect([...tree.files.keys()]).not.toContain("/etc/host.conf");
  });
});
