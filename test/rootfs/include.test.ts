// SPDX-License-Identifier: MIT
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { UklError } from "../../src/errors.js";
import { readIncluded } from "../../src/rootfs/include.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();
let count = 0;
let tree: string;

/** Makes files under `tree`, with the directories they are in. */
function make(files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(workshop.directory, tree, name, ".."), { recursive: true });
    workshop.write(join(tree, name), content);
  }
}

function link(name: string, target: string): void {
  symlinkSync(target, join(workshop.directory, tree, name));
}

const hostPath = (name = "") => join(workshop.directory, tree, name);

async function refusal(include: Readonly<Record<string, string>>): Promise<UklError> {
  const error = await readIncluded(include).catch((reason: unknown) => reason);
  if (!(error instanceof UklError)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

beforeEach(() => {
  count += 1;
  tree = `tree-${count}`;
  make({ "a.txt": "a" });
});

describe("what is included", () => {
  test("is a file under its guest path, with its permissions and its time", async () => {
    workshop.run("chmod", "750", hostPath("a.txt"));
    workshop.run("touch", "-d", "@1111111111", hostPath("a.txt"));
    const { files, directories } = await readIncluded({ "/etc/a": hostPath("a.txt") });
    const owner = { uid: 0, gid: 0 };
    const [data, source] = [Buffer.from("a"), hostPath("a.txt")];
    expect(files).toEqual([
      { path: "/etc/a", permissions: 0o750, owner, modified: 1_111_111_111, data, source },
    ]);
    expect(directories).toEqual(new Map());
  });

  test("is a directory with its permissions, and the owner when that is an account of the system", async () => {
    make({ "sub/b": "b" });
    workshop.run("chmod", "700", hostPath("sub"));
    if (process.getuid?.() === 0) workshop.run("chown", "33:34", hostPath("sub"), hostPath("sub/b"));
    const owner = process.getuid?.() === 0 ? { uid: 33, gid: 34 } : { uid: 0, gid: 0 };
    symlinkSync("b", hostPath("sub/link"));
    workshop.run("touch", "-h", "-d", "@1000000001", hostPath("sub/link"));
    workshop.run("touch", "-d", "@1000000000", hostPath("sub"));
    const { files, directories, linkTimes } = await readIncluded({ "/srv/data": hostPath("sub") });
    const directory = { permissions: 0o700, owner, modified: 1_000_000_000 };
    expect(directories).toEqual(new Map([["/srv/data", directory]]));
    expect(linkTimes).toEqual(new Map([["/srv/data/link", 1_000_000_001]]));
    expect(files).toMatchObject([{ path: "/srv/data/b", owner }]);
  });

  test("is every file of a directory, in the order of their names", async () => {
    make({ "sub/deep/c": "c", "sub/b": "b", B: "upper" });
    const { files } = await readIncluded({ "/srv": hostPath() });
    expect(files.map(({ path }) => path)).toEqual(["/srv/B", "/srv/a.txt", "/srv/sub/b", "/srv/sub/deep/c"]);
  });

  test("is once what has several names", async () => {
    workshop.run("ln", hostPath("a.txt"), hostPath("b.txt"));
    const { files } = await readIncluded({ "/srv": hostPath() });
    expect(files.map(({ path }) => path)).toEqual(["/srv/a.txt", "/srv/b.txt"]);
    expect(files[0]?.data).toBe(files[1]?.data);
  });

  test("is the file or directory behind a symbolic link that is named", async () => {
    make({ "sub/b": "b" });
    link("file-link", "a.txt");
    link("directory-link", "sub");
    const { files, links } = await readIncluded({
      "/srv/f": hostPath("file-link"),
      "/srv/d": hostPath("directory-link"),
    });
    expect(files.map(({ path, data }) => [path, data.toString()])).toEqual([
      ["/srv/f", "a"],
      ["/srv/d/b", "b"],
    ]);
    expect(links).toEqual(new Map());
  });
});

/** Writes what would be in the guest below a directory of the workshop. */
async function copied(include: Readonly<Record<string, string>>): Promise<string> {
  const root = join(workshop.directory, `copy-${count}`);
  const { files, directories, links } = await readIncluded(include);
  for (const path of directories.keys()) mkdirSync(join(root, path), { recursive: true });
  for (const { path, data } of files) writeFileSync(join(root, path), data);
  for (const [path, target] of links) symlinkSync(target, join(root, path));
  return root;
}

const listing = (directory: string) =>
  workshop.run("find", directory, "-printf", "%P %y %l\\n").split("\n").sort();

describe("symbolic links in a directory", () => {
  test("are what cp -a makes of them when they lead to what is in it, or nowhere", async () => {
    make({ "sub/b": "b", "sub/deep/c": "c" });
    link("file", "a.txt");
    link("directory", "sub/deep");
    link("chain", "directory");
    link("sub/up", "..");
    link("sub/deep/through", "../../directory/c");
    link("dangling", "no/where");
    link("loop", "loop");
    link("null", "/dev/null");
    link("self", "/proc/self/exe");
    const root = await copied({ "/srv": hostPath() });
    workshop.run("cp", "-a", hostPath(), join(workshop.directory, `reference-${count}`));
    expect(listing(join(root, "srv"))).toEqual(listing(join(workshop.directory, `reference-${count}`)));
  });

  test("lead to the same in the guest when they name a place of the host in it", async () => {
    make({ "sub/b": "b" });
    link("absolute", hostPath("sub/b"));
    link("around", `../${tree}/sub`);
    const { links, files } = await readIncluded({ "/srv": hostPath() });
    expect(Object.fromEntries(links)).toEqual({ "/srv/absolute": "/srv/sub/b", "/srv/around": "/srv/sub" });
    expect(files.map(({ path }) => path)).toEqual(["/srv/a.txt", "/srv/sub/b"]);
    const inPlace = await readIncluded({ [hostPath()]: hostPath() });
    expect(inPlace.links.get(hostPath("absolute"))).toBe(hostPath("sub/b"));
  });

  test("bring what is outside, each directory once", async () => {
    make({ "inside/own": "own", "outside/d/e": "e", "outside/f": "f" });
    link("outside/d/back", "..");
    link("outside/home", "../inside/own");
    link("inside/file", "../outside/f");
    link("inside/one", "../outside");
    link("inside/two", "../outside/d");
    const root = await copied({ "/srv": hostPath("inside") });
    expect(listing(join(root, "srv"))).toEqual(
      [
        ...[" d ", "own f ", "file f ", "one d ", "one/d d ", "one/d/e f ", "one/f f "],
        ...["one/d/back l ..", "one/home l /srv/own", "two l /srv/one/d", ""],
      ].sort(),
    );
  });

  test("stay where they lead to what is above, up to the root", async () => {
    make({ "sub/b": "b" });
    for (const [name, target] of [
      ["up", ".."],
      ["here", "."],
      ["root", "/"],
      ["all", hostPath()],
    ] as const) {
      link(`sub/${name}`, target);
    }
    const { links, files } = await readIncluded({ "/x": hostPath("sub") });
    const expected = { "/x/all": hostPath(), "/x/here": ".", "/x/root": "/", "/x/up": ".." };
    expect([Object.fromEntries(links), files.map(({ path }) => path)]).toEqual([expected, ["/x/b"]]);
  });

  test("that bring each other's directories come to an end", async () => {
    const names = Array.from({ length: 12 }, (_, index) => `d${index}`);
    make(Object.fromEntries(names.map((name) => [`far/${name}/f`, name])));
    make({ "near/f": "f" });
    link("near/start", "../far/d0");
    for (const name of names) for (const other of names) link(`far/${name}/${other}`, `../${other}`);
    const { files } = await readIncluded({ "/srv": hostPath("near") });
    expect(files.length).toBe(13);
  });
});

describe("refused as UKL-201, by its own path, is", () => {
  test("a file that does not exist", async () => {
    const error = await refusal({ "/x": hostPath("missing") });
    expect(error).toMatchObject({
      code: "UKL-201",
      detail: { what: `${hostPath("missing")} cannot be read` },
    });
    expect(error.detail.cause).toContain("ENOENT");
  });

  test("a symbolic link to itself", async () => {
    link("self", "self");
    expect((await refusal({ "/x": hostPath("self") })).detail.cause).toContain("ELOOP");
  });

  test("a directory with a name that is not UTF-8", async () => {
    workshop.run("sh", "-c", `touch "$1/$(printf 'caf\\351')"`, "sh", hostPath());
    const error = await refusal({ "/x": hostPath() });
    expect(error.detail.cause).toContain("café");
  });

  test("a named pipe, without waiting for a writer", async () => {
    workshop.run("mkfifo", hostPath("pipe"));
    expect((await refusal({ "/x": hostPath() })).detail.cause).toBe("it is not a regular file");
  });

  test("a symbolic link to a device", async () => {
    link("device", "/dev/zero");
    expect((await refusal({ "/x": hostPath("device") })).detail.cause).toContain("symbolic link");
  });
});
