// SPDX-License-Identifier: MIT
/** What may be executed by whom; the kernel of this machine says what is right. */
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hostView } from "../../src/host/file-view.js";
import { findEntrypoint } from "../../src/targets/entrypoint.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();
const at = (name: string) => join(workshop.directory, name);

const isRoot = process.getuid?.() === 0;
const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

chmodSync(workshop.directory, 0o755);
for (const directory of ["open", "closed", "open/directory"]) mkdirSync(at(directory));
for (const mode of [0o755, 0o644, 0o700, 0o010, 0o001, 0o677]) {
  for (const directory of ["open", "closed"]) {
    const path = at(`${directory}/${mode.toString(8)}`);
    writeFileSync(path, "#!/bin/sh\n");
    chmodSync(path, mode);
    if (isRoot) chownSync(path, 1234, 77);
  }
}
symlinkSync("nowhere", at("open/dangling"));
symlinkSync("755", at("open/link"));
chmodSync(at("closed"), 0o700);

/** Undefined where it is found. */
function codeOf(command: string, user: { uid: number; gid: number }, searchPath = ""): string | undefined {
  try {
    const request = { command, image: "an image", workingDirectory: workshop.directory, searchPath };
    findEntrypoint(hostView, { ...request, user: { ...user, groups: [] } });
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

/** As the kernel answers access(2) with X_OK; of directories it says whether they may be searched. */
function onHost(path: string, { uid, gid }: { uid: number; gid: number }): string | undefined {
  const script = `import os, stat, sys
if os.getuid() == 0: os.setgroups([]); os.setgid(${gid}); os.setuid(${uid})
try:
  isDirectory = stat.S_ISDIR(os.stat(sys.argv[1]).st_mode)
except FileNotFoundError: print("UKL-236"); sys.exit()
except PermissionError: isDirectory = False
print("" if os.access(sys.argv[1], os.X_OK) and not isDirectory else "UKL-237")`;
  return execFileSync("python3", ["-c", script, path], { encoding: "utf8" }).trim() || undefined;
}

const users = isRoot ? [own, { uid: 1234, gid: 5 }, { uid: 5, gid: 77 }, { uid: 5, gid: 5 }] : [own];

describe.each(users)("user %j", (user) => {
  const names = ["755", "644", "700", "10", "1", "677"].flatMap((name) => [`open/${name}`, `closed/${name}`]);

  test.each([...names, "open/dangling", "open/link", "open/directory", "open/absent", "absent/755"])(
    "starts %s as on this machine",
    (name) => {
      const expected = onHost(at(name), user);
      expect([codeOf(at(name), user), codeOf(`./${name}`, user)]).toEqual([expected, expected]);
    },
  );

  test("finds along PATH what it may execute, and is told that the rest is not there", () => {
    expect(codeOf("755", user, `${at("absent")}:${at("open")}`)).toBeUndefined();
    expect(codeOf("directory", user, at("open"))).toBe("UKL-236");
    expect(codeOf("644", user, at("open"))).toBe("UKL-236");
    expect(codeOf("", user, at("open"))).toBe("UKL-236");
  });
});
