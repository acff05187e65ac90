// SPDX-License-Identifier: MIT
import { expect, test } from "vitest";
import { UklError } from "../../src/errors.js";
import { examineHost, type Finding, fixHost, type Host } from "../../src/host/doctor.js";
import { formatCommand, type Outcome } from "../../src/host/exec.js";

type Answer = Partial<Outcome> | "no such program";

/** A host that answers commands by their first matching beginning, and keeps what it was asked. */
function fakeHost(answers: Record<string, Answer>, userId = 0, files: readonly string[] = []) {
  const asked: string[] = [];
  const host: Host = {
    userId,
    fileExists: async (path) => files.includes(path),
    attempt: async (command, options) => {
      const line = formatCommand(command);
      asked.push(line);
      const subject = `${line} ${String(options?.input ?? "")}`;
      const answer = Object.entries(answers).find(([beginning]) => subject.startsWith(beginning))?.[1];
      if (answer === undefined || answer === "no such program") {
        throw new UklError("UKL-401", { what: `${command.tool} is not installed`, cause: "", fix: "" });
      }
      const outcome = { exitStatus: 0, stdout: "", stderr: "", ...answer };
      for (const printed of outcome.stdout.split("\n").filter(Boolean)) options?.onLine?.(printed);
      return outcome;
    },
  };
  return { host, asked };
}

function missing(debianPackage: string): Finding {
  return {
    what: debianPackage,
    debianPackage,
    found: undefined,
    neededFor: "a test",
    group: "toolkit",
    kind: "program",
  };
}

function candidates(...names: string[]): Answer {
  return { stdout: names.map((name) => `${name}:\n  Installed: (none)\n  Candidate: 1.0\n`).join("") };
}

async function foundOn(host: Host, what: string): Promise<string | undefined> {
  const finding = (await examineHost(host)).find((candidate) => candidate.what === what);
  if (finding === undefined) throw new Error(`${what} is not examined`);
  return finding.found;
}

async function refusalOf(promise: Promise<void>): Promise<UklError> {
  const error = await promise.catch((reason: unknown) => reason);
  if (!(error instanceof UklError)) throw new Error("not refused");
  return error;
}

test("an empty host lacks everything", async () => {
  const findings = await examineHost(fakeHost({}).host);
  expect(findings.length).toBeGreaterThan(15);
  expect(findings.filter(({ found }) => found !== undefined)).toEqual([]);
});

test("a program is found with the version it prints", async () => {
  const { host } = fakeHost({ "make --version": { stdout: "GNU Make 4.3\n" } });
  expect(await foundOn(host, "make")).toBe("4.3");
  expect(await foundOn(host, "bison")).toBeUndefined();
});

test("a program that cannot even tell its version counts as missing", async () => {
  const { host } = fakeHost({ "make --version": { exitStatus: 127, stderr: "libguile 2.2: not found" } });
  expect(await foundOn(host, "make")).toBeUndefined();
});

test("a header is found when the compiler can include it", async () => {
  const { host } = fakeHost({
    "gcc -E -x c - #include <gelf.h>": {},
    "gcc -E -x c -": { exitStatus: 1 },
    "dpkg-query -W -f": { stdout: "installed 0.188-2" },
  });
  expect(await foundOn(host, "gelf.h")).toBe("0.188-2");
  expect(await foundOn(host, "sqlite3.h")).toBeUndefined();
});

test("the kernel source is found on a system without dpkg", async () => {
  const path = "/usr/src/linux-source-6.12.tar.xz";
  expect(await foundOn(fakeHost({}, 0, [path]).host, path)).toBe("installed");
});

test("a package that was removed but not purged counts as missing", async () => {
  const { host } = fakeHost({ "dpkg-query -W -f": { stdout: "config-files 1:1.35.0-4" } });
  expect(await foundOn(host, "busybox-static")).toBeUndefined();
});

test("this host's C compiler is found with the version it reports", async () => {
  const findings = await examineHost();
  expect(findings.find(({ what }) => what === "gcc")?.found).toMatch(/^\d+\.\d+/);
});

test("nothing is run when nothing is missing", async () => {
  const { host, asked } = fakeHost({});
  await fixHost([{ ...missing("bc"), found: "1.07.1" }], {}, host);
  expect(asked).toEqual([]);
});

test("root updates, looks what is offered, and installs it", async () => {
  const { host, asked } = fakeHost({
    "apt-get": {},
    "apt-cache": candidates("bc", "flex"),
    DEBIAN_FRONTEND: {},
  });
  await fixHost([missing("bc"), missing("flex")], {}, host);
  expect(asked).toEqual([
    "apt-get update",
    "apt-cache policy bc flex",
    "DEBIAN_FRONTEND=noninteractive apt-get install -o DPkg::Lock::Timeout=300 -y --no-install-recommends bc flex",
  ]);
});

test("another user installs through sudo", async () => {
  const { host, asked } = fakeHost({ sudo: {}, "apt-cache": candidates("bc") }, 1000);
  await fixHost([missing("bc")], {}, host);
  expect(asked).toEqual([
    "sudo -n true",
    "sudo -n apt-get update",
    "apt-cache policy bc",
    "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get install -o DPkg::Lock::Timeout=300 -y --no-install-recommends bc",
  ]);
});

test("what apt prints while it works is passed on line by line", async () => {
  const { host } = fakeHost({
    "apt-get update": { stdout: "Hit:1\nReading package lists...\n" },
    "apt-cache": candidates("bc"),
    DEBIAN_FRONTEND: { stdout: "Setting up bc\n" },
  });
  const lines: string[] = [];
  await fixHost([missing("bc")], { onLine: (line) => lines.push(line) }, host);
  expect(lines).toEqual(["Hit:1", "Reading package lists...", "Setting up bc"]);
});

test.each<[string, Answer, string]>([
  ["there is no sudo", "no such program", "there is no sudo"],
  ["sudo asks for a password", { exitStatus: 1 }, "sudo asks for a password"],
])("when %s, nothing is installed and the command to run by hand is given", async (_, sudo, cause) => {
  const { host, asked } = fakeHost({ sudo }, 1000);
  const error = await refusalOf(fixHost([missing("bc"), missing("flex")], {}, host));
  expect(error.code).toBe("UKL-406");
  expect(error.detail.cause).toContain(cause);
  expect(error.detail.fix).toContain(
    "apt-get update && sudo apt-get install -y --no-install-recommends bc flex",
  );
  expect(asked).toEqual(["sudo -n true"]);
});

test("a failing update does not keep packages from being installed", async () => {
  const { host, asked } = fakeHost({
    "apt-get update": { exitStatus: 100 },
    "apt-cache": candidates("bc"),
    DEBIAN_FRONTEND: {},
  });
  await fixHost([missing("bc")], {}, host);
  expect(asked.at(-1)).toContain("apt-get install");
});

test("what is offered is installed even when the kernel source is not, and the error says where to get it", async () => {
  const { host, asked } = fakeHost({ "apt-get": {}, "apt-cache": candidates("bc"), DEBIAN_FRONTEND: {} });
  const error = await refusalOf(fixHost([missing("linux-source-6.12"), missing("bc")], {}, host));
  expect(error.code).toBe("UKL-406");
  expect(error.detail.what).toContain("linux-source-6.12");
  expect(error.detail.what).not.toContain("bc");
  expect(error.detail.fix).toContain("bookworm-security");
  expect(error.detail.fix).toContain("UKL_KERNEL_SOURCE");
  expect(asked.at(-1)).toMatch(/apt-get install .* bc$/);
});

test("a failing installation is reported with what apt said", async () => {
  const { host } = fakeHost({
    "apt-get": {},
    "apt-cache": candidates("bc"),
    DEBIAN_FRONTEND: { exitStatus: 100, stderr: "E: Unable to fetch some archives" },
  });
  const error = await refusalOf(fixHost([missing("bc")], {}, host));
  expect(error.code).toBe("UKL-406");
  expect(error.detail.cause).toContain("E: Unable to fetch some archives");
});

test("a system without apt is told which packages to look for", async () => {
  const error = await refusalOf(fixHost([missing("bc")], {}, fakeHost({}).host));
  expect(error.code).toBe("UKL-406");
  expect(error.detail.cause).toBe("apt-get is not installed");
  expect(error.detail.fix).toMatch(/system's own means: bc$/);
});
