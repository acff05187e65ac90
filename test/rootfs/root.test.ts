// SPDX-License-Identifier: MIT
import { describe, expect, test } from "vitest";
import type { ArchiveEntry } from "../../src/rootfs/cpio.js";
import { emptyTree } from "../../src/rootfs/host-tree.js";
import { defaultEnvironment, launchFiles, type RootContents, rootEntries } from "../../src/rootfs/root.js";

const contents: RootContents = {
  init: Buffer.from("init"),
  process: { path: "/bin/hello", leading: ["/bin/hello"], args: [], environment: {} },
  guestFile: "/bin/hello",
  files: [],
};

function find(entries: readonly ArchiveEntry[], path: string): ArchiveEntry {
  const found = entries.filter((entry) => entry.path === path);
  if (found.length !== 1 || found[0] === undefined) throw new Error(`${path} is there ${found.length} times`);
  return found[0];
}

function textOf(entries: readonly ArchiveEntry[], path: string): string {
  const entry = find(entries, path);
  if (entry.kind !== "file") throw new Error(`${path} is a ${entry.kind}`);
  return Buffer.from(entry.data).toString();
}

describe("the root file system", () => {
  test("has init as an executable file", () => {
    expect(find(rootEntries(contents), "/init")).toEqual({
      kind: "file",
      path: "/init",
      permissions: 0o755,
      data: contents.init,
    });
  });

  test("has the devices of devices.txt under their numbers", () => {
    const devices = rootEntries(contents).filter((entry) => entry.kind === "characterDevice");
    expect(devices.map(({ path, major, minor }) => `${path} ${major}:${minor}`)).toEqual([
      "/dev/console 5:1",
      "/dev/full 1:7",
      "/dev/null 1:3",
      "/dev/random 1:8",
      "/dev/tty 5:0",
      "/dev/urandom 1:9",
      "/dev/zero 1:5",
      "/ukl/streams 240:0",
    ]);
  });

  test("lets everyone write into /tmp, and nobody remove the files of others", () => {
    expect(find(rootEntries(contents), "/tmp")).toMatchObject({ kind: "directory", permissions: 0o1777 });
  });

  test("of a system has what a start of Debian leaves behind", () => {
    const entries = rootEntries({ ...contents, surroundings: "debian" });
    const permissions = (path: string) => {
      const entry = find(entries, path);
      return entry.kind === "directory" ? entry.permissions : entry.kind;
    };
    // dpkg-deb -c base-files_12.4+deb12u11_amd64.deb, and /usr/lib/tmpfiles.d/legacy.conf of systemd for /run/lock.
    const onDebian = {
      ...{ "/": 0o755, "/home": 0o755, "/root": 0o700, "/run": 0o755, "/srv": 0o755, "/tmp": 0o1777 },
      ...{ "/var/log": 0o755, "/var/lib": 0o755, "/var/mail": 0o2775, "/run/lock": 0o1777 },
    };
    for (const [path, expected] of Object.entries(onDebian))
      expect([path, permissions(path)]).toEqual([path, expected]);
    expect(find(entries, "/var/run")).toMatchObject({ kind: "symlink", target: "/run" });
  });

  test("has no link where a path of the image needs a directory", () => {
    const files = [{ path: "/var/run/app/pid", permissions: 0o644, data: Buffer.from("1") }];
    const entries = rootEntries({ ...contents, surroundings: "debian", files });
    expect(find(entries, "/var/run").kind).toBe("directory");
    expect(find(entries, "/var/lock").kind).toBe("symlink");
  });

  test("of a container has the directories of the container alone, and its root", () => {
    const tree = {
      ...emptyTree,
      directories: new Map([["/", { permissions: 0o700, owner: { uid: 5, gid: 6 } }]]),
    };
    const entries = rootEntries({ ...contents, surroundings: "container", tree });
    expect(find(entries, "/")).toMatchObject({ permissions: 0o700, owner: { uid: 5, gid: 6 } });
    expect(entries.some(({ path }) => path === "/home")).toBe(false);
  });

  test("has each directory once, and before what is in it", () => {
    const files = ["/srv/www/deep/a", "/srv/www/b", "/etc/c"].map((path) => {
      return { path, permissions: 0o644, data: Buffer.from(path) };
    });
    const paths = rootEntries({
      ...contents,
      guestFile: "/opt/app/hello",
      files,
    }).map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
    expect(paths).toEqual(expect.arrayContaining(["/opt/app", "/srv/www/deep/a", "/etc/c"]));
    const above = (path: string) => path.slice(0, path.lastIndexOf("/"));
    for (const [index, path] of paths.entries()) {
      if (above(path) !== "") expect(paths.slice(0, index)).toContain(above(path));
    }
  });

  test("keeps the permissions of the files it is given", () => {
    const file = { path: "/bin/helper", permissions: 0o1755, data: Buffer.from("x") };
    expect(find(rootEntries({ ...contents, files: [file] }), "/bin/helper")).toMatchObject({
      permissions: 0o1755,
    });
  });
});

describe("the start of the program", () => {
  const startOf = (process: Partial<RootContents["process"]>) =>
    rootEntries({ ...contents, process: { ...contents.process, ...process } });

  test("is its path, argv[0] and the arguments, each ended by a NUL", () => {
    const entries = startOf({ args: ["two words", "", "größer"] });
    expect(textOf(entries, "/ukl/exec")).toBe("/bin/hello\0/bin/hello\0two words\0\0größer\0");
  });

  test("of a script has the interpreter with what stands in front of the arguments", () => {
    const entries = startOf({ path: "/usr/bin/perl", leading: ["perl", "-w", "/srv/x.pl"], args: ["a"] });
    expect(textOf(entries, "/ukl/exec")).toBe("/usr/bin/perl\0perl\0-w\0/srv/x.pl\0a\0");
  });

  test("is as root in the root directory, unless it says otherwise", () => {
    expect(textOf(rootEntries(contents), "/ukl/process")).toBe("/\x000\x000\0");
    const entries = startOf({ workingDirectory: "/srv", user: { uid: 33, gid: 34, groups: [4, 5] } });
    expect(textOf(entries, "/ukl/process")).toBe("/srv\x0033\x0034\x004\x005\0");
  });

  test("has the usual environment, over which the configuration wins", () => {
    const entries = startOf({ environment: { HOME: "/srv", EXTRA: "a=b" } });
    const variables = textOf(entries, "/ukl/environ").split("\0");
    expect(variables).toEqual(
      expect.arrayContaining(["HOME=/srv", "EXTRA=a=b", `PATH=${defaultEnvironment["PATH"]}`]),
    );
    expect(variables.filter((variable) => variable.startsWith("HOME="))).toHaveLength(1);
  });

  test("can be replaced later by files of the same names", () => {
    const entries = rootEntries(contents);
    for (const file of launchFiles({ ...contents.process, args: ["new"] }))
      expect(find(entries, file.path).kind).toBe("file");
  });
});
