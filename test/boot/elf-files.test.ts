// SPDX-License-Identifier: MIT
/** Files as unusual linkers and tools leave them, and static programs that load files; the host is the reference. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeBases } from "../../scripts/elf-variants/bases.js";
import { executeHere, makeDriver, packBytes, readAnswers } from "../../scripts/elf-variants/host.js";
import { variantOf } from "../../scripts/elf-variants/variant.js";
import { bootImage, buildImage, modes } from "../support/harness.js";
import { testLimit } from "../support/patience.js";

const timeoutMs = 120_000;
const scratch = mkdtempSync(join(tmpdir(), "ukl-elf-files-"));
const at = (name: string) => join(scratch, name);
const source = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const make = (tool: string, ...args: string[]) => execFileSync(tool, args, { cwd: scratch, stdio: "pipe" });
let bases: ReturnType<typeof makeBases>;

beforeAll(() => {
  bases = makeBases(scratch);
  const long = "/x".repeat(2000);
  make("cp", "dynamic", "patched");
  make("patchelf", "--set-rpath", long, "patched");
  // Now the table of strings is in two segments that meet.
  make("patchelf", "--set-rpath", `${long}y`, "patched");
  make("cp", "dynamic-pie", "patched-pie");
  make("patchelf", "--add-needed", "libm.so.6", "patched-pie");
  make("patchelf", "--set-rpath", long, "patched-pie");
  for (const linkage of ["static", "dynamic"]) {
    make(
      "gcc",
      ...(linkage === "static" ? ["-static"] : []),
      "-w",
      "-o",
      `lookups-${linkage}`,
      source("static-lookups.c"),
    );
  }
  writeFileSync(at("appended.c"), appended);
  make("gcc", "-static", "-o", "appended", "appended.c");
  writeFileSync(at("coder.c"), coder);
  for (const linkage of ["static", "dynamic"])
    make("gcc", ...(linkage === "static" ? ["-static"] : []), "-O1", "-o", `coder-${linkage}`, "coder.c");
  writeFileSync(
    at("appended"),
    Buffer.concat([readFileSync(at("appended")), Buffer.from("an archive behind it")]),
  );
});

/** As Linux 6.18 takes; before, it took 73. */
const mostHeaders = 1170;

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Prints the last bytes of its own file, where packers of programs put what they run. */
const appended = `#include <stdio.h>
int main(void) {
  char text[21] = "";
  FILE *self = fopen("/proc/self/exe", "r");
  fseek(self, -20, SEEK_END);
  fread(text, 1, 20, self);
  puts(text);
  return 5;
}\n`;

/** Makes code that calls uname(2) and sync(2), which nothing of the file does. */
const coder = `#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
static const unsigned char code[] = {
    0xb8, 63, 0, 0, 0, 0x0f, 0x05,  /* mov $63, %eax; syscall */
    0xb8, 162, 0, 0, 0, 0x0f, 0x05, /* mov $162, %eax; syscall */
    0xc3};
int main(void) {
  struct utsname names = {0};
  void *pages = mmap(0, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(pages, code, sizeof(code));
  long result = ((long (*)(struct utsname *))pages)(&names);
  printf("%s %ld\\n", names.sysname, result);
  return 6;
}\n`;

describe.each(modes)("in %s mode", (mode) => {
  test.each([
    ...["patched", "patched-pie", "static-mold", "dynamic-mold", "bare-one-segment", "bare-unaligned"],
    ...["appended", "lookups-static", "lookups-dynamic", "coder-static", "coder-dynamic"],
  ])(
    "%s runs as on the host",
    async (name) => {
      const image = at(`${name}-${mode}.img`);
      await buildImage({ program: at(name), mode }, image);
      const { exitStatus, output } = await bootImage({ imagePath: image, args: [] }, timeoutMs);
      const host = spawnSync(at(name), { encoding: "latin1" });
      expect(host.status).toBeLessThan(8);
      expect({ exitStatus, output }).toEqual({ exitStatus: host.status, output: host.stdout });
    },
    testLimit(timeoutMs),
  );

  test("64 KiB of program headers are taken", async () => {
    writeFileSync(at("crowded.s"), ".globl _start\n_start: mov $60, %eax\nmov $5, %edi\nsyscall\n");
    const others = Array.from({ length: mostHeaders - 1 }, (_, index) => `other${index} PT_NULL;`);
    writeFileSync(
      at("crowded.lds"),
      `PHDRS { text PT_LOAD FILEHDR PHDRS FLAGS(5); ${others.join(" ")} }
       SECTIONS { . = 0x400000 + SIZEOF_HEADERS; .text : { *(.text) } :text }`,
    );
    make("gcc", "-nostdlib", "-static", "-Wl,-T,crowded.lds", "-o", "crowded", "crowded.s");
    const image = at(`crowded-${mode}.img`);
    await buildImage({ program: at("crowded"), mode }, image);
    expect((await bootImage({ imagePath: image, args: [] }, timeoutMs)).exitStatus).toBe(5);
  });

  test(
    "variants of programs start, fail and are refused as on the host",
    async () => {
      const variants = Array.from({ length: 60 }, (_, index) => variantOf(bases, 7, index));
      const files = variants.map(({ bytes }) => bytes);
      const here = executeHere(files, scratch);
      writeFileSync(at("files"), packBytes(files));
      const image = at(`driver-${mode}.img`);
      const include = { "/pack": at("files") };
      await buildImage(
        { program: makeDriver(scratch), mode, mask: { default: "none" }, files: { include } },
        image,
      );
      const { exitStatus, output } = await bootImage(
        { imagePath: image, args: [], memory: "512M" },
        timeoutMs,
      );
      const guest = readAnswers(output, files.length, exitStatus).map(({ outcome }, index) => [
        variants[index]?.name,
        outcome,
      ]);
      expect(guest).toEqual(here.map(({ outcome }, index) => [variants[index]?.name, outcome]));
    },
    testLimit(timeoutMs),
  );
});
