// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { formatCommand } from "../../src/host/exec.js";
import {
  commandByHand,
  type Finding,
  installCommand,
  missingPackages,
  packageOfTool,
  packagesOffered,
  updateCommand,
  versionIn,
  withSudo,
} from "../../src/host/packages.js";

function finding(what: string, debianPackage: string, found?: string): Finding {
  return { what, debianPackage, found, neededFor: "a test", group: "toolkit", kind: "program" };
}

test("a program is brought by the package of Debian that has it", () => {
  expect(packageOfTool("ld")).toBe("binutils");
  expect(packageOfTool("qemu-system-x86_64")).toBe("qemu-system-x86");
});

test("a program ukl does not know and a header are brought by no package", () => {
  expect(packageOfTool("frobnicate")).toBeUndefined();
  expect(packageOfTool("gelf.h")).toBeUndefined();
});

test("a package is installed once for all it brings, and not for what is there", () => {
  const findings = [finding("ld", "binutils"), finding("as", "binutils"), finding("gcc", "gcc", "12.2.0")];
  expect(missingPackages(findings)).toEqual(["binutils"]);
});

test("installing never asks, and waits for another apt", () => {
  expect(formatCommand(installCommand(["bc", "flex"]))).toBe(
    "DEBIAN_FRONTEND=noninteractive apt-get install -o DPkg::Lock::Timeout=300 -y --no-install-recommends bc flex",
  );
});

test("behind sudo the environment is set again, because sudo drops it", () => {
  expect(formatCommand(withSudo(installCommand(["bc"])))).toBe(
    "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get install -o DPkg::Lock::Timeout=300 -y --no-install-recommends bc",
  );
  expect(formatCommand(withSudo(updateCommand))).toBe("sudo -n apt-get update");
});

test("the command to run by hand updates and installs", () => {
  expect(commandByHand(["bc", "flex"])).toBe(
    "sudo apt-get update && sudo apt-get install -y --no-install-recommends bc flex",
  );
});

test("a package is offered when apt has a candidate for it", () => {
  const policy = `bc:
  Installed: (none)
  Candidate: 1.07.1-3
  Version table:
     1.07.1-3 500
linux-source-6.12:
  Installed: (none)
  Candidate: (none)
  Version table:
`;
  expect(packagesOffered(policy, ["linux-source-6.12", "bc", "never-heard-of"])).toEqual(["bc"]);
});

test.each([
  ["gcc (Debian 12.2.0-14+deb12u1) 12.2.0\nCopyright", "12.2.0"],
  ["GNU ld (GNU Binutils for Debian) 2.40", "2.40"],
  ["bc 1.07.1", "1.07.1"],
  ["xz (XZ Utils) 5.4.1\nliblzma 5.4.1", "5.4.1"],
  ["a tool that says nothing", undefined],
])("the version in %j is %s", (output, version) => {
  expect(versionIn(output)).toBe(version);
});
