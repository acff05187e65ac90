// SPDX-License-Identifier: MIT
import { chmodSync, lstatSync, mkdirSync, realpathSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { HostTree } from "../../src/rootfs/host-tree.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();
let root: string;

beforeAll(() => {
  root = realpathSync(workshop.directory);
  mkdirSync(join(root, "real/deep"), { recursive: true });
  writeFileSync(join(root, "real/file"), "text");
  writeFileSync(join(root, "real/deep/other"), "more");
  chmodSync(join(root, "real/file"), 0o750);
  symlinkSync("real", join(root, "way"));
  symlinkSync("../file", join(root, "real/deep/back"));
  symlinkSync(join(root, "way/deep"), join(root, "absolute"));
  symlinkSync("loop", join(root, "loop"));
  symlinkSync("nowhere", join(root, "dangling"));
});

async function treeOf(...paths: string[]) {
  const tree = new HostTree();
  for (const path of paths) await tree.add(join(root, path));
  const names = (map: ReadonlyMap<string, unknown>) =>
    [...map.keys()].map((path) => path.slice(root.length + 1));
  return { tree, links: names(tree.links), files: names(tree.files), directories: names(tree.directories) };
}

test("a file behind links is kept once, with every link on the way", async () => {
  const { tree, links, files } = await treeOf("absolute/back", "way/file");
  expect(links.sort()).toEqual(["absolute", "real/deep/back", "way"]);
  expect(files).toEqual(["real/file"]);
  expect(tree.links.get(join(root, "way"))).toBe("real");
  const modified = Math.floor(statSync(join(root, "real/file")).mtimeMs / 1000);
  expect(tree.files.get(join(root, "real/file"))).toMatchObject({ permissions: 0o750, modified });
  expect(tree.linkTimes.get(join(root, "way"))).toBe(Math.floor(lstatSync(join(root, "way")).mtimeMs / 1000));
});

test("what a running kernel makes is not taken through a link either, and the link is", async () => {
  const targets = { mounts: "/proc/self/mounts", self: "/proc/self", fd: "/dev/fd", class: "/sys/class" };
  mkdirSync(join(root, "links"));
  for (const [name, target] of Object.entries(targets)) symlinkSync(target, join(root, "links", name));
  const { tree, links, files } = await treeOf("links");
  expect(links.sort()).toEqual(
    Object.keys(targets)
      .map((name) => `links/${name}`)
      .sort(),
  );
  expect([files, [...tree.links].length, [...tree.directories.keys()]]).toEqual([
    [],
    4,
    [join(root, "links")],
  ]);
});

test("a directory brings all that is in it", async () => {
  const { files, links, directories } = await treeOf("real");
  expect(files.sort()).toEqual(["real/deep/other", "real/file"]);
  expect(links).toEqual(["real/deep/back"]);
  expect(directories.sort()).toEqual(["real", "real/deep"]);
});

describe("what is left out", () => {
  test.each(["loop", "dangling", "missing", "real/file/below"])("%s", async (path) => {
    const { files, directories } = await treeOf(path);
    expect([...files, ...directories]).toEqual([]);
  });

  test("is what is in a directory that only has to be there", async () => {
    const tree = new HostTree();
    await tree.addDirectory(join(root, "way/deep"));
    expect([...tree.directories.keys()]).toEqual([join(root, "real/deep")]);
    expect(tree.files.size).toBe(0);
  });
});
