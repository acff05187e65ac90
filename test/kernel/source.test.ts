// SPDX-License-Identifier: MIT
import { mkdirSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findSource, makefileVersion, unpackSource } from "../../src/kernel/source.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();
const path = (name: string) => join(workshop.directory, name);

function makefile(version: string): string {
  const [first, second, third] = version.split(".");
  return `# SPDX-License-Identifier: GPL-2.0
VERSION = ${first}
PATCHLEVEL = ${second}
SUBLEVEL = ${third}
EXTRAVERSION =
NAME = Baby Opossum Posse

all: vmlinux
`;
}

/** A directory that looks like the top of a kernel source. */
function tree(name: string, version: string): string {
  mkdirSync(path(`${name}/sound/soc/codecs`), { recursive: true });
  mkdirSync(path(`${name}/kernel`), { recursive: true });
  workshop.write(`${name}/Makefile`, makefile(version));
  workshop.write(`${name}/kernel/fork.c`, "int fork;\n");
  workshop.write(`${name}/sound/Kconfig`, "config SOUND\n");
  workshop.write(`${name}/sound/soc/codecs/chip.c`, "int chip;\n");
  return path(name);
}

function tarball(name: string, version: string): string {
  tree(`linux-${name}`, version);
  workshop.run("tar", "-cJf", `${name}.tar.xz`, `linux-${name}`);
  return path(`${name}.tar.xz`);
}

function emptyDirectory(name: string): string {
  mkdirSync(path(name));
  return path(name);
}

describe("the version of a Makefile", () => {
  test("is its first three numbers", () => {
    expect(makefileVersion(makefile("6.12.117"))).toBe("6.12.117");
    expect(makefileVersion(makefile("6.12.0"))).toBe("6.12.0");
  });

  test.each([
    "",
    "all:\n\techo\n",
    "VERSION = 6\nPATCHLEVEL = 12\n",
    "VERSION =\nPATCHLEVEL =\nSUBLEVEL =\n",
  ])("is unknown where it is not the kernel's (%j)", (text) => {
    expect(makefileVersion(text)).toBeUndefined();
  });
});

describe("a source that is named", () => {
  test("is a directory or a tarball", async () => {
    expect(await findSource("6.12", tree("named", "6.12.3"))).toMatchObject({ kind: "directory" });
    expect(await findSource("6.12", tarball("named", "6.12.3"))).toMatchObject({ kind: "tarball" });
  });

  test("has another identity once its Makefile changed", async () => {
    const directory = tree("changing", "6.12.3");
    const before = await findSource("6.12", directory);
    expect(await findSource("6.12", directory)).toEqual(before);
    const later = new Date(statSync(join(directory, "Makefile")).mtimeMs + 5000);
    utimesSync(join(directory, "Makefile"), later, later);
    expect((await findSource("6.12", directory)).identity).not.toBe(before.identity);
  });

  test("and is not there is UKL-301", async () => {
    await expect(findSource("6.12", path("nowhere"))).rejects.toMatchObject({
      code: "UKL-301",
      detail: { what: `there is no kernel source at ${path("nowhere")}` },
    });
  });
});

test("a version that Debian ships no source of is UKL-301, with the package to install", async () => {
  await expect(findSource("0.99", undefined)).rejects.toMatchObject({
    code: "UKL-301",
    detail: { what: "no source of Linux 0.99 was found", fix: expect.stringContaining("linux-source-0.99") },
  });
});

describe("unpacking", () => {
  test("copies a directory, and leaves it as it is", async () => {
    const source = await findSource("6.12", tree("copied", "6.12.3"));
    const target = emptyDirectory("copy");
    expect(await unpackSource(source, target, "6.12")).toBe("6.12.3");
    expect(workshop.read("copy/kernel/fork.c").toString()).toBe("int fork;\n");
    expect(workshop.run("diff", "-r", source.path, target)).toBe("");
  });

  test("takes from a tarball what an x86-64 kernel is built from", async () => {
    const source = await findSource("6.12", tarball("packed", "6.12.117"));
    expect(await unpackSource(source, emptyDirectory("unpacked"), "6.12")).toBe("6.12.117");
    expect(workshop.read("unpacked/kernel/fork.c").toString()).toBe("int fork;\n");
    // Kconfig reads every Kconfig file, whatever is built.
    expect(workshop.read("unpacked/sound/Kconfig").toString()).toBe("config SOUND\n");
    expect(() => workshop.read("unpacked/sound/soc/codecs/chip.c")).toThrow("ENOENT");
  });

  test.each(["6.1.120", "6.13.0", "6.120.1", "5.12.3"])(
    "the source of Linux %s is UKL-302",
    async (version) => {
      const source = await findSource("6.12", tree(`other-${version}`, version));
      await expect(unpackSource(source, emptyDirectory(`into-${version}`), "6.12")).rejects.toMatchObject({
        code: "UKL-302",
        detail: { what: `${source.path} is not the source of Linux 6.12`, cause: `it is Linux ${version}` },
      });
    },
  );

  test("a tarball of another version is UKL-302 too", async () => {
    const source = await findSource("6.12", tarball("old", "6.6.30"));
    await expect(unpackSource(source, emptyDirectory("into-old"), "6.12")).rejects.toMatchObject({
      code: "UKL-302",
      detail: { cause: "it is Linux 6.6.30" },
    });
  });

  test("a directory that is no kernel source is UKL-302", async () => {
    const source = await findSource("6.12", emptyDirectory("empty"));
    await expect(unpackSource(source, emptyDirectory("into-empty"), "6.12")).rejects.toMatchObject({
      code: "UKL-302",
      detail: { cause: "it has no kernel Makefile at its top" },
    });
  });

  test("a file that is no tarball is UKL-301, with what tar said", async () => {
    workshop.write("text.tar.xz", "not a tarball");
    const source = await findSource("6.12", path("text.tar.xz"));
    await expect(unpackSource(source, emptyDirectory("into-text"), "6.12")).rejects.toMatchObject({
      code: "UKL-301",
      detail: {
        what: `${source.path} is not a tarball of the kernel source`,
        cause: expect.stringContaining("tar:"),
      },
    });
  });
});
