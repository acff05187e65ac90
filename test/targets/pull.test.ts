// SPDX-License-Identifier: MIT
/** Packages that are fetched, from an apt-get of ours that has what it is given. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { pullPackage } from "../../src/targets/pull.js";
import { openWorkshop } from "../elf/toolchain.js";
import { type Member, tar } from "./layout.js";

const workshop = openWorkshop();
const at = (name: string) => join(workshop.directory, name);
let count = 0;

afterEach(() => void vi.unstubAllEnvs());

/** Fetches a package with these members. */
async function pulled(members: readonly Member[], limitBytes = 1 << 20) {
  const directory = `package-${++count}`;
  mkdirSync(at(directory));
  const control = "Package: sample\nVersion: 1\nArchitecture: amd64\nMaintainer: x\nDescription: x\n";
  writeFileSync(at(`${directory}/debian-binary`), "2.0\n");
  writeFileSync(at(`${directory}/control.tar`), await tar([{ name: "control", data: control }]));
  writeFileSync(at(`${directory}/data.tar`), await tar(members));
  // dpkg-deb wants the members in this order.
  const parts = ["debian-binary", "control.tar", "data.tar"];
  execFileSync("ar", ["rcS", "sample.deb", ...parts], { cwd: at(directory) });
  const apt = `#!/bin/sh
case "$1" in
install) echo "Inst sample (1 test [amd64])" ;;
download) cp '${at(`${directory}/sample.deb`)}' . ;;
esac
`;
  writeFileSync(at(`${directory}/apt-get`), apt);
  chmodSync(at(`${directory}/apt-get`), 0o755);
  vi.stubEnv("PATH", `${at(directory)}:${process.env["PATH"]}`);
  return pullPackage("sample", { scratch: at(`scratch-${count}`), limitBytes });
}

test("a package's files are known by their names", async () => {
  const { tree, paths, packages } = await pulled([
    { name: "./usr/bin/sample", data: "program", mode: 0o755 },
    { name: "./lib/sample", data: "on a merged /usr" },
  ]);
  expect(packages).toMatchObject([{ name: "sample", architecture: "amd64" }]);
  expect(paths.get("sample")).toEqual(["/usr/bin/sample", "/usr/lib/sample"]);
  expect(readFileSync(tree.locate("/usr/bin/sample"), "utf8")).toBe("program");
});

test.each<[string, Member, string]>([
  ["leads out by its name", { name: "../outside", data: "x" }, "UKL-233"],
  ["is a hard link to the outside", { name: "x", type: "link", linkname: "../etc/passwd" }, "UKL-233"],
  ["is a bomb of zeros", { name: "zeros", data: Buffer.alloc(8 << 20) }, "UKL-234"],
])("one whose member %s is refused, and nothing is written elsewhere", async (_, member, code) => {
  const before = readdirSync(workshop.directory).filter((name) => !/^(?:package|scratch)-/.test(name));
  await expect(pulled([member])).rejects.toMatchObject({ code });
  expect(existsSync(at("outside"))).toBe(false);
  expect(readdirSync(workshop.directory).filter((name) => !/^(?:package|scratch)-/.test(name))).toEqual(
    before,
  );
});

test("packages that are fetched together have one limit together", async () => {
  await expect(pulled([{ name: "a", data: Buffer.alloc(9000) }], 8192)).rejects.toMatchObject({
    code: "UKL-234",
  });
});
