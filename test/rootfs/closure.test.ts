// SPDX-License-Identifier: MIT
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
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

  test("have libraries that the loader takes from the working directory below the root", async () => {
    const here = relative(process.cwd(), fileURLToPath(import.meta.url));
    const library = { path: here, reason: "needed", needed: [], namedBy: [] };
    const named = { libraries: [library], missingLibraries: [], files: [] };
    const { files } = await applicationTree({ ...source, isDynamic: true }, named);
    expect(files.get(join("/", here))?.data).toEqual(await readFile(here));
  });
});
