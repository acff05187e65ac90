// SPDX-License-Identifier: MIT
/** Layers in the orders that tools write; the results are those of umoci 0.4.7 and containerd, by their sources. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { UklError } from "../../src/errors.js";
import { resolveIn } from "../../src/host/file-view.js";
import { ArchiveTree } from "../../src/targets/archive-tree.js";
import { openWorkshop } from "../elf/toolchain.js";
import { type Member, tar } from "./layout.js";

const workshop = openWorkshop();
let count = 0;

async function layered(...layers: (readonly Member[])[]): Promise<ArchiveTree> {
  const tree = new ArchiveTree(join(workshop.directory, String(++count)));
  for (const members of layers) {
    const archive = await tar(members);
    await tree.add(Readable.from([archive]), "a layer");
  }
  return tree;
}

const file = (name: string, data = name): Member => ({ name, data, mode: 0o644 });
const dir = (name: string): Member => ({ name, type: "directory", mode: 0o755 });
const link = (name: string, linkname: string): Member => ({ name, type: "symlink", linkname });
const whiteout = (name: string): Member => file(name, "");

function textOf(tree: ArchiveTree, path: string): string | undefined {
  const content = resolveIn(tree, path)?.node.content;
  return content === undefined ? undefined : readFileSync(content, "utf8");
}

/** All paths but the root's. */
function pathsOf(tree: ArchiveTree, path = ""): readonly string[] {
  return tree.names(path || "/").flatMap((name) => [`${path}/${name}`, ...pathsOf(tree, `${path}/${name}`)]);
}

const reversed = <T>(values: readonly T[]) => [...values].reverse();

describe("a link that becomes a directory", () => {
  const below = [dir("target"), dir("target/sub"), file("target/sub/keep"), link("link", "/target")];

  test.each([".wh..wh..opq", ".wh.keep"])("leaves what it led to, with %s in it", async (name) => {
    const upper = [dir("link"), dir("link/sub"), whiteout(`link/sub/${name}`), file("link/sub/new")];
    const tree = await layered(below, upper);
    expect(pathsOf(tree)).toEqual([
      ...["/link", "/link/sub", "/link/sub/new", "/target", "/target/sub", "/target/sub/keep"],
    ]);
  });
});

describe("a directory that becomes a link", () => {
  const below = [dir("a"), file("a/a"), dir("b"), file("b/a", "kept")];
  const upper = [whiteout("a/.wh.a"), dir("/"), link("a", "b"), dir("b/")];

  test.each([
    ["in front of the link", upper],
    ["behind it", reversed(upper)],
  ])("with a whiteout in it, %s, leaves what the link leads to", async (_, members) => {
    const tree = await layered(below, members);
    expect(pathsOf(tree)).toEqual(["/a", "/b", "/b/a"]);
    expect(textOf(tree, "/a/a")).toBe("kept");
  });
});

describe("a whiteout", () => {
  test("in a directory that is not there makes none", async () => {
    expect(
      pathsOf(await layered([file("x")], [whiteout("no/such/.wh.a"), whiteout("no/.wh..wh..opq")])),
    ).toEqual(["/x"]);
  });

  test("behind a link of a lower layer is of where it leads", async () => {
    const tree = await layered([file("usr/lib/a"), link("lib", "usr/lib")], [whiteout("lib/.wh.a")]);
    expect(pathsOf(tree)).toEqual(["/lib", "/usr", "/usr/lib"]);
  });

  const lower = [file("d/old"), file("d/sub/old"), file("d/sub/both", "old")];
  const upper = [
    whiteout(".wh.d"),
    dir("d"),
    file("d/new"),
    file("d/sub/both", "new"),
    whiteout("d/sub/.wh.both"),
  ];
  test.each([
    ["in front", upper],
    ["behind", reversed(upper)],
  ])("of what the layer itself adds, %s, takes only what was below", async (_, members) => {
    const tree = await layered(lower, members);
    expect(pathsOf(tree)).toEqual(["/d", "/d/new", "/d/sub", "/d/sub/both"]);
    expect(textOf(tree, "/d/sub/both")).toBe("new");
  });

  test.each([".wh.", "d/.wh.", "d/.wh..", "d/.wh..."])("%s is refused", async (name) => {
    await expect(layered([file("d/a"), file("b")], [whiteout(name)])).rejects.toMatchObject({
      code: "UKL-230",
    });
  });

  test("of AUFS's own is none, and its files are not the image's", async () => {
    const members = [
      dir(".wh..wh.plnk"),
      file(".wh..wh.plnk/1.2", "x"),
      { name: "a", type: "link", linkname: ".wh..wh.plnk/1.2" } as const,
      whiteout(".wh..wh.aufs"),
    ];
    const tree = await layered([file("wh.plnk")], members);
    expect(pathsOf(tree)).toEqual(["/a", "/wh.plnk"]);
    expect(textOf(tree, "/a")).toBe("x");
  });
});

describe("names", () => {
  test("that begin with slashes are relative to the root, those of hard links as well", async () => {
    const hard = { name: "//b", type: "link", linkname: "/srv/a" } as const;
    const tree = await layered([dir("/srv"), file("/srv/a", "slash"), hard]);
    expect([pathsOf(tree), textOf(tree, "/b")]).toEqual([["/b", "/srv", "/srv/a"], "slash"]);
  });

  test("of links lead through '..' as the kernel follows it", async () => {
    const tree = await layered([
      dir("x/y"),
      file("x/f", "right"),
      file("f", "wrong"),
      link("a", "x/y"),
      link("l", "a/../f"),
    ]);
    expect(textOf(tree, "/l")).toBe("right");
  });

  test("of a thousand directories are taken, and of more than 1024 refused at once, by the name", async () => {
    const deep = (parts: number) => [file(`${"a/".repeat(parts)}f`)];
    expect(pathsOf(await layered(deep(1000)))).toHaveLength(1001);
    const error: unknown = await layered(deep(2000)).catch((reason: unknown) => reason);
    expect(error instanceof UklError && [error.code, error.detail.what]).toEqual([
      "UKL-230",
      expect.stringContaining('"a/a/a/'),
    ]);
  });

  test("that are too long where a link leads are refused", async () => {
    const long = `${"d".repeat(250)}/`.repeat(10).slice(0, -1);
    await expect(layered([dir(long), link("l", long)], [file(`l/${long}/f`)])).rejects.toMatchObject({
      code: "UKL-230",
    });
  });
});

test("a root that is no directory is refused", async () => {
  await expect(layered([link("/", "etc")])).rejects.toMatchObject({ code: "UKL-230" });
});

test("holes count as what is unpacked", async () => {
  const pax = { "GNU.sparse.map": "0,1", "GNU.sparse.size": String(1 << 30), "GNU.sparse.name": "big" };
  const archive = await tar([{ name: "GNUSparseFile.0/big", data: "x", pax }]);
  const tree = new ArchiveTree(join(workshop.directory, String(++count)));
  const added = tree.add(Readable.from([archive]), "a layer", {
    budget: { bytesLeft: 1 << 20 },
  });
  await expect(added).rejects.toMatchObject({ code: "UKL-234" });
});
