// SPDX-License-Identifier: MIT
/** Archives are read back by cpio(1), and their headers by hand after the kernel's buffer-format.rst. */
import { describe, expect, test } from "vitest";
import {
  type ArchiveEntry,
  alignedFileHeader,
  archiveMembers,
  archiveTrailer,
} from "../../src/rootfs/cpio.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();

const entries: readonly ArchiveEntry[] = [
  { kind: "directory", path: "/tmp", permissions: 0o1777 },
  { kind: "file", path: "/one", permissions: 0o644, data: Buffer.from("1") },
  { kind: "file", path: "/tmp/sticky", permissions: 0o1755, data: Buffer.from("five!") },
  { kind: "file", path: "/empty", permissions: 0o600, data: new Uint8Array() },
  { kind: "file", path: "/größe", permissions: 0o644, data: Buffer.from("umlaut") },
  { kind: "symlink", path: "/link", target: "tmp/sticky" },
  { kind: "characterDevice", path: "/urandom", permissions: 0o666, major: 1, minor: 9 },
  { kind: "characterDevice", path: "/ttyS64", permissions: 0o620, major: 4, minor: 128 },
];

/** What `cpio -tv` prints, a member a line, with runs of spaces as one. */
function listing(archive: Uint8Array): readonly string[] {
  workshop.write("archive", archive);
  const text = workshop.run("cpio", "-itvn", "--quiet", "-F", "archive");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.replaceAll(/ +/g, " "));
}

/** The header fields of the member at `offset`; each is eight hexadecimal digits behind the magic. */
function fieldsAt(archive: Buffer, offset: number) {
  const text = archive.toString("latin1", offset, offset + 110);
  const field = (index: number) => Number.parseInt(text.slice(6 + 8 * index, 14 + 8 * index), 16);
  return {
    magic: text.slice(0, 6),
    inode: field(0),
    modified: field(5),
    nameBytes: field(11),
    check: field(12),
  };
}

describe("an archive", () => {
  const archive = Buffer.concat([archiveMembers(entries), archiveTrailer]);

  test("holds every entry with its kind, permissions, size and device number", () => {
    const columns = listing(archive).map((line) => line.replace(/ Jan 1 2000 /, " "));
    expect(columns).toEqual([
      "drwxrwxrwt 2 0 0 0 tmp",
      "-rw-r--r-- 1 0 0 1 one",
      "-rwxr-xr-t 1 0 0 5 tmp/sticky",
      "-rw------- 1 0 0 0 empty",
      "-rw-r--r-- 1 0 0 6 größe",
      "lrwxrwxrwx 1 0 0 10 link -> tmp/sticky",
      "crw-rw-rw- 1 0 0 1, 9 urandom",
      "crw--w---- 1 0 0 4, 128 ttyS64",
    ]);
  });

  test("has files of users and groups", () => {
    const owner = { uid: 33, gid: 44 };
    const [line] = listing(
      Buffer.concat([
        archiveMembers([{ kind: "directory", path: "/d", permissions: 0o700, owner }]),
        archiveTrailer,
      ]),
    );
    expect(line).toMatch(/^drwx------ 2 33 44 /);
  });

  test("has the bytes of a file with several names once", () => {
    const data = Buffer.from("the same");
    const names = ["/a", "/b", "/c"].map(
      (path) => ({ kind: "file", path, permissions: 0o644, data }) as const,
    );
    const equal = {
      kind: "file",
      path: "/equal",
      permissions: 0o644,
      data: Buffer.from("the same"),
    } as const;
    const archive = Buffer.concat([archiveMembers([...names, equal]), archiveTrailer]);
    expect(archive.toString("latin1").split("the same")).toHaveLength(3);
    workshop.write("links", archive);
    workshop.run("mkdir", "unpacked");
    workshop.run("sh", "-c", "cd unpacked && cpio -id --quiet -F ../links");
    const links = workshop.run(
      "stat",
      "-c",
      "%h %s",
      ...["a", "b", "c", "equal"].map((name) => `unpacked/${name}`),
    );
    expect(links.trim().split("\n")).toEqual(["3 8", "3 8", "3 8", "1 8"]);
  });

  test("begins the data of what has a page or more on one, and gives it back", () => {
    const letters = [..."abcdefghij"];
    const files = letters.map((letter, index): ArchiveEntry & { readonly kind: "file" } => ({
      kind: "file",
      path: `/pages/${letter.repeat(1 + index * 20)}`,
      permissions: 0o644,
      data: Buffer.alloc(4096 + index * 1021, letter),
    }));
    const archive = Buffer.concat([archiveMembers([...entries, ...files]), archiveTrailer]);
    for (const { data } of files) expect(archive.indexOf(data) % 4096).toBe(0);
    workshop.write("pages.cpio", archive);
    workshop.run("cpio", "-id", "--quiet", "-F", "pages.cpio", "pages/*");
    for (const { path, data } of files) expect(workshop.read(path.slice(1))).toEqual(data);
  });

  test("gives back the bytes of its files, of any length", () => {
    const files = Array.from({ length: 9 }, (_, length) => Buffer.alloc(length, 0x41 + length));
    workshop.write(
      "lengths",
      Buffer.concat([
        archiveMembers(
          files
            .map((data, index): ArchiveEntry => {
              return { kind: "file", path: `/length/${"x".repeat(index)}`, permissions: 0o644, data };
            })
            .slice(1),
        ),
        archiveTrailer,
      ]),
    );
    workshop.run("cpio", "-id", "--quiet", "-F", "lengths");
    for (const [index, data] of files.slice(1).entries()) {
      expect(workshop.read(`length/${"x".repeat(index + 1)}`)).toEqual(data);
    }
  });

  test("keeps the times of what has one, to the second", () => {
    const modified = 1_234_567_890;
    const timed: readonly ArchiveEntry[] = [
      { kind: "directory", path: "/timed", permissions: 0o755, modified },
      {
        kind: "file",
        path: "/timed/a",
        permissions: 0o644,
        data: Buffer.from("a"),
        modified: modified + 0.9,
      },
      { kind: "symlink", path: "/timed/l", target: "a", modified: modified - 1 },
    ];
    const members = archiveMembers(timed);
    workshop.write("timed.cpio", Buffer.concat([members, archiveTrailer]));
    workshop.run("cpio", "-idm", "--quiet", "-F", "timed.cpio");
    expect(workshop.run("stat", "-c", "%Y", "timed/a").trim()).toBe(String(modified));
    // cpio(1) itself gives links no time, and directories theirs before what is in them.
    const last = members.lastIndexOf("070701");
    expect([0, last].map((offset) => fieldsAt(members, offset).modified)).toEqual([modified, modified - 1]);
    const header = alignedFileHeader({ path: "/b", permissions: 0o644, sizeBytes: 1, modified }, 0);
    expect(fieldsAt(header, header.indexOf("070701")).modified).toBe(modified);
  });

  test("has one time for what is made, and no inodes, so that the same entries give the same bytes", () => {
    expect(fieldsAt(archive, 0)).toEqual({
      magic: "070701",
      inode: 0,
      modified: Date.UTC(2000, 0, 1) / 1000,
      nameBytes: "tmp\0".length,
      check: 0,
    });
    expect(Buffer.concat([archiveMembers(entries), archiveTrailer])).toEqual(archive);
  });

  test("ends with the trailer, and two archives can be joined before it", () => {
    const joined = Buffer.concat([
      archiveMembers(entries.slice(0, 3)),
      archiveMembers(entries.slice(3)),
      archiveTrailer,
    ]);
    expect(joined).toEqual(archive);
    expect(archive.toString("latin1").lastIndexOf("TRAILER!!!\0")).toBe(
      archive.length - archiveTrailer.length + 110,
    );
  });
});

describe("the header of an aligned file", () => {
  const data = Buffer.alloc(10_000, "application ");
  const file = { path: "/bin/application", permissions: 0o1755, sizeBytes: data.length };

  test.each([0, 4, 3960, 3964, 3968, 4092, 4096, 5000])(
    "at offset %i puts the data at a page, behind NULs and itself only",
    (offset) => {
      const header = alignedFileHeader(file, offset);
      expect((offset + header.length) % 4096).toBe(0);
      // The kernel skips zeros up to a header, which has to be at a multiple of four, and takes PATH_MAX for a name.
      const start = header.findIndex((byte) => byte !== 0);
      expect((offset + start) % 4).toBe(0);
      const { magic, nameBytes } = fieldsAt(header, start);
      expect(magic).toBe("070701");
      expect(nameBytes).toBeLessThanOrEqual(4096);
      expect(header.toString("latin1", start + 110).replace(/\0+$/, "")).toBe("bin/application");
      expect(Math.ceil((start + 110 + nameBytes) / 4) * 4).toBe(header.length);
    },
  );

  test("makes the data a member that cpio extracts", () => {
    const members = archiveMembers([
      { kind: "directory", path: "/bin", permissions: 0o755 },
      { kind: "file", path: "/bin/before", permissions: 0o644, data: Buffer.from("before") },
    ]);
    const header = alignedFileHeader(file, members.length);
    workshop.write("aligned", Buffer.concat([members, header, data, archiveTrailer]));
    workshop.run("cpio", "-id", "--quiet", "-F", "aligned");
    expect(workshop.read("bin/application")).toEqual(data);
    expect(workshop.run("stat", "-c", "%a", "bin/application")).toBe("1755\n");
  });
});

test("a file too large for the format is a bug of ours, not a damaged archive", () => {
  const large = { path: "/large", permissions: 0o644, sizeBytes: 2 ** 32 };
  expect(() => alignedFileHeader(large, 0)).toThrow(expect.objectContaining({ code: "UKL-901" }));
});
