// SPDX-License-Identifier: MIT
import { mkdirSync, symlinkSync } from "node:fs";
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
  test("is a file under its guest path, with its permissions", async () => {
    workshop.run("chmod", "750", hostPath("a.txt"));
    const { files, directories } = await readIncluded({ "/etc/a": hostPath("a.txt") });
    const owner = { uid: 0, gid: 0 };
    expect(files).toEqual([{ path: "/etc/a", permissions: 0o750, owner, data: Buffer.from("a") }]);
    expect(directories).toEqual(new Map());
  });

  test("is a directory with its permissions, and the owner when that is an account of the system", async () => {
    make({ "sub/b": "b" });
    workshop.run("chmod", "700", hostPath("sub"));
    if (process.getuid?.() === 0) workshop.run("chown", "33:34", hostPath("sub"), hostPath("sub/b"));
    const owner = process.getuid?.() === 0 ? { uid: 33, gid: 34 } : { uid: 0, gid: 0 };
    const { files, directories } = await readIncluded({ "/srv/data": hostPath("sub") });
    expect(directories).toEqual(new Map([["/srv/data", { permissions: 0o700, owner }]]));
    expect(files).toMatchObject([{ path: "/srv/data/b", owner }]);
  });

  test("is every file of a directory, in the order of their names", async () => {
    make({ "sub/deep/c": "c", "sub/b": "b", B: "upper" });
    const { files } = await readIncluded({ "/srv": hostPath() });
    expect(files.map(({ path }) => path)).toEqual(["/srv/B", "/srv/a.txt", "/srv/sub/b", "/srv/sub/deep/c"]);
  });

  test("is the file or directory that a symbolic link points to", async () => {
    make({ "sub/b": "b" });
    link("file-link", "a.txt");
    link("directory-link", "sub");
    const { files } = await readIncluded({ "/srv": hostPath() });
    expect(files.map(({ path, data }) => [path, data.toString()])).toEqual([
      ["/srv/a.txt", "a"],
      ["/srv/directory-link/b", "b"],
      ["/srv/file-link", "a"],
      ["/srv/sub/b", "b"],
    ]);
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

  test("a symbolic link that ends nowhere, in a directory", async () => {
    link("dangling", "nowhere");
    expect(await refusal({ "/x": hostPath() })).toMatchObject({
      code: "UKL-201",
      detail: { what: `${hostPath("dangling")} cannot be read` },
    });
  });

  test("a symbolic link to itself", async () => {
    link("self", "self");
    expect((await refusal({ "/x": hostPath("self") })).detail.cause).toContain("ELOOP");
  });

  test("a directory with symbolic links to directories above, however many", async () => {
    make({ "sub/b": "b" });
    // With 20 of them, following each to any fixed depth would never end.
    for (let index = 0; index < 20; index++) link(`sub/up-${index}`, "..");
    const error = await refusal({ "/x": hostPath() });
    expect(error.code).toBe("UKL-201");
    expect(error.detail.what).toContain(hostPath("sub/up-0"));
    expect(error.detail.cause).toContain("symbolic link to a directory that it is in");
  });

  test("a named pipe, without waiting for a writer", async () => {
    workshop.run("mkfifo", hostPath("pipe"));
    expect((await refusal({ "/x": hostPath() })).detail.cause).toBe("it is not a regular file");
  });

  test("a symbolic link to a device", async () => {
    link("device", "/dev/zero");
    expect((await refusal({ "/x": hostPath() })).detail.cause).toContain("symbolic link");
  });
});
