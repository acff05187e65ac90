// SPDX-License-Identifier: MIT
/** Directories that packages declare. What each line means is what systemd-tmpfiles(8) of Debian 12 does with it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hostView } from "../../src/host/file-view.js";
import { applicationTree } from "../../src/rootfs/closure.js";
import { directoriesOf, parseTmpfiles } from "../../src/rootfs/tmpfiles.js";
import { dataPaths } from "../../src/targets/package-files.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();

describe("a line", () => {
  const root = { user: "-", group: "-" };
  test.each([
    ["d /run/plain", { path: "/run/plain", permissions: 0o755, ...root }],
    [
      "d\t/run/mode  2775 www-data adm - -",
      { path: "/run/mode", permissions: 0o2775, user: "www-data", group: "adm" },
    ],
    [
      "D! /run/boot 0750 - www-data 10d",
      { path: "/run/boot", permissions: 0o750, user: "-", group: "www-data" },
    ],
    [
      "d- /var/lib/a/b :0700 :33 root",
      { path: "/var/lib/a/b", permissions: 0o700, user: "33", group: "root" },
    ],
    ["d /run/slash/ 1777 4 4", { path: "/run/slash", permissions: 0o1777, user: "4", group: "4" }],
  ])("%s makes a directory", (line, directory) => {
    expect(parseTmpfiles(`# comment\n${line}\n`)).toEqual([directory]);
  });

  test.each([
    "f /run/file 0644 root root",
    "L /run/link - - - - /etc/x",
    "d /run/%b 0700 root root",
    "d /run/../etc/evil 0755",
    "d /etc/other 0755",
    "D /tmp 1777 root root -",
    "d /var/log 0755 - - -",
    "d run/relative",
    "d",
    `d /run/${"x".repeat(5000)}`,
  ])("%s makes none of a package's own", (line) => {
    expect(parseTmpfiles(line)).toEqual([]);
  });
});

const program = {
  view: hostView,
  program: "/bin/true",
  isAlone: false,
  isDynamic: true,
  programBytes: Buffer.of(),
};
const named = { missingLibraries: [], libraries: [], files: [] };

test("a program gets the directories that its package declares, with their owners", async () => {
  const declared = "d /run/ukl-test/deep 2770 33 adm\nd /var/run/ukl-old 0700 nobody-we-know -\n";
  writeFileSync(join(workshop.directory, "sample.conf"), declared);
  // In place of the directory of the system, which is nobody's to write to.
  const place = "/usr/lib/tmpfiles.d/sample.conf";
  const view = {
    ...hostView,
    locate: (path: string) => (path === place ? join(workshop.directory, "sample.conf") : path),
  };
  expect(dataPaths([place, "/usr/lib/sysusers.d/x.conf"], [])).toEqual([place]);
  const rest = {
    accounts: [],
    scripts: [],
    data: ["/usr/lib/tmpfiles.d", place],
    essentials: [],
    isWhole: false,
    directories: [],
  };
  const tree = await applicationTree({ ...program, view, ...rest }, named);
  expect(Object.fromEntries(tree.directories)).toEqual({
    "/run/ukl-test/deep": { permissions: 0o2770, owner: { uid: 33, gid: 4 } },
    "/run/ukl-old": { permissions: 0o700, owner: { uid: 0, gid: 0 } },
  });
  expect(tree.links.get("/var/run")).toBe("/run");
  expect(tree.files.has(place)).toBe(false);
  expect(Buffer.from(tree.files.get("/etc/passwd")?.data ?? []).toString()).toContain("www-data:x:33:33");
});

test("what is no file of directories declares none", async () => {
  expect(await directoriesOf(hostView, "/usr/lib/tmpfiles.d")).toEqual(new Map());
  expect(await directoriesOf(hostView, "/no/such/file.conf")).toEqual(new Map());
});
