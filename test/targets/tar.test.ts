// SPDX-License-Identifier: MIT
/** The reader of tar archives; GNU tar writes them, and what it read is on the disk. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encodeName } from "../../src/host/names.js";
import { readTar, type TarMember } from "../../src/targets/tar/read.js";
import { openWorkshop } from "../elf/toolchain.js";
import { tar } from "./layout.js";

const workshop = openWorkshop();
const at = (name: string) => join(workshop.directory, name);

/** In pieces that end where no block does. */
async function* inPieces(bytes: Uint8Array, pieceBytes = 1000): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += pieceBytes)
    yield bytes.subarray(start, start + pieceBytes);
}

type Read = Omit<TarMember, "pieces"> & { readonly data: Buffer };

async function read(archive: Uint8Array): Promise<Read[]> {
  const members: Read[] = [];
  for await (const { pieces, ...member } of readTar(inPieces(archive))) {
    const data = Buffer.alloc(member.sizeBytes);
    for await (const { offset, bytes } of pieces) data.set(bytes, offset);
    members.push({ ...member, data });
  }
  return members;
}

function gnuTar(...args: readonly string[]): Buffer {
  return execFileSync("tar", ["-C", workshop.directory, "-cf", "-", ...args], { maxBuffer: 1 << 28 });
}

const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("what GNU tar writes in the form", () => {
  const long = `${"directory/".repeat(15)}${"n".repeat(120)}`;
  mkdirSync(at("tree"));
  mkdirSync(at(`tree/${long}`), { recursive: true });
  writeFileSync(at("tree/file"), "x".repeat(1234));
  chmodSync(at("tree/file"), 0o4751);
  utimesSync(at("tree/file"), 1_600_000_000, 1_600_000_000);
  linkSync(at("tree/file"), at("tree/hard"));
  symlinkSync(`${long}/to`, at("tree/soft"));
  spawnSync("mkfifo", [at("tree/pipe")]);
  const common = ["--sort=name", "--owner=root:7", "--group=mail:8"];

  test.each(["gnu", "oldgnu", "pax"])("%s is read with its long names", async (form) => {
    const members = await read(gnuTar(...common, `--format=${form}`, "tree"));
    const byName = new Map(members.map((member) => [member.name.replace(/\/$/, ""), member]));
    expect([...byName.keys()]).toContain(`tree/${long}`);
    expect(byName.get("tree/file")).toMatchObject({
      kind: "file",
      permissions: 0o4751,
      owner: { uid: 7, gid: 8 },
      modifiedSeconds: 1_600_000_000,
      data: readFileSync(at("tree/file")),
    });
    expect(byName.get("tree/hard")).toMatchObject({ kind: "link", linkName: "tree/file", sizeBytes: 0 });
    expect(byName.get("tree/soft")).toMatchObject({ kind: "symlink", linkName: `${long}/to` });
    expect(byName.get("tree/pipe")).toMatchObject({ kind: "fifo" });
    expect(byName.get("tree")).toMatchObject({ kind: "directory" });
  });

  test.each(["v7", "ustar"])("%s is read", async (form) => {
    const members = await read(gnuTar(...common, `--format=${form}`, "tree/file", "tree/hard"));
    expect(members.map(({ name, kind }) => [name, kind])).toEqual([
      ["tree/file", "file"],
      ["tree/hard", "link"],
    ]);
    expect(members[0]?.data).toEqual(readFileSync(at("tree/file")));
  });

  test("with numbers that octal digits do not hold is read", async () => {
    const [member] = await read(
      gnuTar("--format=gnu", "--owner=x:4000000000", "--group=y:3000000", "--mtime=@-5", "tree/file"),
    );
    expect(member).toMatchObject({ owner: { uid: 4_000_000_000, gid: 3_000_000 }, modifiedSeconds: -5 });
  });
});

describe("a file with holes", () => {
  const forms = [
    ["--format=gnu"],
    ["--format=oldgnu"],
    ["--format=pax", "--sparse-version=0.0"],
    ["--format=pax", "--sparse-version=0.1"],
    ["--format=pax", "--sparse-version=1.0"],
  ];
  const block = 64 * 1024;
  /** Which blocks have data: more than a header of GNU tar's, or one and a half blocks of its maps, has room for. */
  const files: Readonly<Record<string, readonly number[]>> = {
    "one-hole": [0, 50],
    "hole-first": [3],
    "hole-last": [0, 5],
    "hole-alone": [],
    many: Array.from({ length: 60 }, (_, index) => 2 * index),
  };
  const sizes: Readonly<Record<string, number>> = { "hole-last": 9 * block + 17, "hole-alone": 3 * block };
  for (const [name, blocks] of Object.entries(files)) {
    const descriptor = openSync(at(name), "w");
    for (const index of blocks)
      writeSync(descriptor, Buffer.alloc(block, index + 1), 0, block, index * block);
    closeSync(descriptor);
    const size = sizes[name];
    if (size !== undefined) truncateSync(at(name), size);
  }

  test.each(forms)("is whole from %s %s", async (...form) => {
    const archive = gnuTar("-S", ...form, ...Object.keys(files));
    const whole = gnuTar(form[0] ?? "", ...Object.keys(files));
    expect(archive.length).toBeLessThan(whole.length); // It has holes, as far as the file system keeps them.
    const members = await read(archive);
    expect(members.map(({ name, data }) => [name, digest(data)])).toEqual(
      Object.keys(files).map((name) => [name, digest(readFileSync(at(name)))]),
    );
  });

  test("whose map leads outside it is refused", async () => {
    const archive = gnuTar("-S", "--format=gnu", "one-hole");
    archive.write("00000001000\0", 483); // what the file has in all
    await expect(read(withCheckSum(archive))).rejects.toThrow(/outside/);
  });

  test.each(["SUN.holesdata", "SCHILY.realsize"])("in the form that says %s is refused", async (key) => {
    await expect(read(await tar([{ name: "a", data: "x", pax: { [key]: "1" } }]))).rejects.toThrow(/holes/);
  });
});

/** POSIX.1-2001, ustar: the bytes of the header, with spaces for the sum. */
function withCheckSum(archive: Buffer): Buffer {
  archive.fill(" ", 148, 156);
  const sum = archive.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  archive.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return archive;
}

describe("a member", () => {
  test("has its extended attributes, as star and libarchive write them", async () => {
    const pax = {
      "SCHILY.xattr.user.a": "1\0=\n2",
      "SCHILY.xattr.user.b": "not it",
      "LIBARCHIVE.xattr.user.b": Buffer.from([0, 255]).toString("base64"),
      "LIBARCHIVE.xattr.user.%63": "",
    };
    const [member] = await read(await tar([{ name: "a", data: "x", pax }]));
    expect([...(member?.attributes ?? [])]).toEqual([
      ["user.a", Buffer.from("1\0=\n2")],
      ["user.b", Buffer.from([0, 255])],
      ["user.c", Buffer.from("")],
    ]);
  });

  test("keeps a name that is no UTF-8", async () => {
    const name = Buffer.from("caf\xe9-\xc3\xa9-\xed\xa0\x80", "latin1");
    const archive = await tar([{ name: "x".repeat(name.length), data: "x" }]);
    name.copy(archive);
    const [member] = await read(withCheckSum(archive));
    expect(encodeName(member?.name ?? "")).toEqual(name);
    expect(member?.name).toContain("-é-");
  });

  test.each(["D", "M", "N", "Z", "*"])("of the type %s is refused by its name", async (type) => {
    const archive = await tar([{ name: "some/name", data: "x" }]);
    archive.write(type, 156);
    await expect(read(withCheckSum(archive))).rejects.toThrow(/"some\/name" is of the type/);
  });

  test("without a size of its own is followed by the next, whatever its header says", async () => {
    const archive = await tar([
      { name: "d", type: "directory" },
      { name: "a", data: "x" },
    ]);
    archive.write("00000007000", 124);
    expect((await read(withCheckSum(archive))).map(({ name }) => name)).toEqual(["d", "a"]);
  });
});

describe("an archive", () => {
  const whole = () => tar([{ name: "a", data: "x".repeat(2000) }]);

  test("may have no end, and anything behind it", async () => {
    const archive = await whole();
    const members = archive.subarray(0, archive.length - 1024);
    expect(await read(members)).toHaveLength(1);
    expect(await read(Buffer.concat([archive, Buffer.alloc(700, "x")]))).toHaveLength(1);
    expect(await read(Buffer.alloc(0))).toEqual([]);
  });

  test.each([100, 600, 2500])("that breaks off at byte %d is refused", async (end) => {
    await expect(read((await whole()).subarray(0, end))).rejects.toThrow(/breaks off/);
  });

  test("with a wrong checksum, or a lone block of zeros, is refused", async () => {
    const archive = await whole();
    await expect(read(Buffer.concat([Buffer.alloc(512), archive]))).rejects.toThrow(/zeros/);
    archive[0] = 0x62;
    await expect(read(archive)).rejects.toThrow(/checksum/);
  });
});
