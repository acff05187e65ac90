// SPDX-License-Identifier: MIT
/** Small static programs, and the parts of an image for them, as a build would lay them out. */
import { join } from "node:path";
import type { ElfFile } from "../../src/elf/file.js";
import { writeObject } from "../../src/elf/object.js";
import { layOutPayload, type Payload } from "../../src/link/payload.js";
import { archiveMembers } from "../../src/rootfs/cpio.js";
import { openWorkshop, type Workshop } from "../elf/toolchain.js";

/** Without libc, so that the tests of this folder link fast; prints `text` and returns 7. */
function freestanding(text: string, declarations: string, expression: string): string {
  return `${declarations}
static long call(long n, long a, long b, long c) {
  long r;
  __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return r;
}
static char text[] = ${JSON.stringify(`${text}\n`)};
static char zeros[100000];
void _start(void) {
  zeros[70000] = 1;
  call(1, 1, (long)text, sizeof text - 1);
  call(60, ${expression} + zeros[70000] - 1, 0, 0);
}\n`;
}

interface Program {
  readonly source: string;
  readonly flags: readonly string[];
}

const plain = freestanding("plain", "", "7");
const bare = ["-O1", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-Wl,--build-id=none"];
const fixed = [...bare, "-static", "-no-pie"];
const withLibc = `#include <stdio.h>
#include <string.h>
static __thread int counter = 3;
int main(void) { printf("libc %d %zu\\n", counter, strlen("four")); return 7; }\n`;

/** How the programs of the tests are linked. Each prints a line and exits with status 7. */
export const programs: Readonly<Record<string, Program>> = {
  static: { source: plain, flags: fixed },
  "static-pie": { source: plain, flags: [...bare, "-fPIE", "-static-pie", "-Wl,--no-dynamic-linker"] },
  stripped: { source: plain, flags: [...fixed, "-s"] },
  "no-separate-code": { source: plain, flags: [...fixed, "-Wl,-z,noseparate-code"] },
  "tls-4096": {
    source: freestanding("tls", "__thread int v __attribute__((aligned(4096))) = 5;", "7"),
    flags: fixed,
  },
  "tbss-only": { source: freestanding("tbss", "__thread char v[300];", "7"), flags: fixed },
  libc: { source: withLibc, flags: ["-O1", "-static", "-no-pie"] },
  "libc-static-pie": { source: withLibc, flags: ["-O1", "-fPIE", "-static-pie", "-s"] },
};

export interface ProgramShop extends Workshop {
  /** Compiles and links one of `programs`, once. */
  program(name: string): ElfFile;
  payload(application: ElfFile, manifest?: string): Payload;
}

export const guestPath = "/bin/program";

/** What is in front of the program in the archive; of an odd length. */
export const members = archiveMembers([
  { kind: "directory", path: "/bin", permissions: 0o755 },
  { kind: "file", path: "/bin/other", permissions: 0o644, data: Buffer.from("other") },
]);

export function openProgramShop(): ProgramShop {
  const workshop = openWorkshop();
  const made = new Map<string, ElfFile>();
  return {
    ...workshop,
    program(name) {
      const known = made.get(name);
      if (known !== undefined) return known;
      const { source, flags } = programs[name] ?? { source: "", flags: [] };
      workshop.write(`${name}.c`, source);
      workshop.run("gcc", ...flags, `${name}.c`, "-o", name);
      const program = workshop.parse(name);
      made.set(name, program);
      return program;
    },
    payload: (application, manifest = '{"test":1}') =>
      layOutPayload({ members, application, guestPath, permissions: 0o1755, manifest }),
  };
}

/** The archive that the kernel unpacks: the sections of the payload in the order in which the script has them. */
export function archiveOf(payload: Payload): Buffer {
  const inArchive = /^\.ukl\.(?:head|load\.\d+|tail)$/;
  return Buffer.concat(payload.sections.filter(({ name }) => inArchive.test(name)).map(({ data }) => data));
}

/**
 * A kernel's linker script with what the image's script hooks into, for a kernel of one instruction and a
 * PVH entry note (type 18 of "Xen").
 */
export const kernelScript = `OUTPUT_FORMAT("elf64-x86-64")
ENTRY(startup)
PHDRS {
 text PT_LOAD FLAGS(5);
 init PT_LOAD FLAGS(7);
 note PT_NOTE FLAGS(0);
}
SECTIONS
{
 . = 0xffffffff81000000;
 .text : AT(ADDR(.text) - 0xffffffff80000000) { *(.text) } :text
 .notes : AT(ADDR(.notes) - 0xffffffff80000000) { *(.note.*) } :text :note
 . = ALIGN(4096);
 .init.data : AT(ADDR(.init.data) - 0xffffffff80000000) { __initramfs_start = .; *(.data) } :init
 . = ALIGN((1 << 12));
 .init.end : AT(ADDR(.init.end) - 0xffffffff80000000) { QUAD(0) }
 /DISCARD/ : { *(.comment) *(.bss) }
}
`;

const kernelSource = `
.globl startup, kernel_symbol
startup: nop
kernel_symbol: ret
.data
.quad __initramfs_start, __initramfs_size
.section .note.Xen, "a", @note
.long 4, 8, 18
.asciz "Xen"
.quad startup - 0xffffffff80000000
`;

/** Links an image of the small kernel and a payload with `script`, under `name` in the workshop. */
export function linkSmallImage(workshop: Workshop, payload: Payload, script: string, name: string): Buffer {
  workshop.assemble("kernel", kernelSource);
  workshop.write("payload.o", writeObject(payload.sections, payload.symbols));
  workshop.write(`${name}.lds`, script);
  const options = ["-z", "noexecstack", "-z", "max-page-size=4096", "--no-warn-rwx-segments"];
  workshop.run("ld", ...options, "-T", `${name}.lds`, "-o", name, "kernel.o", "payload.o");
  return workshop.read(name);
}

/** Runs a program of the workshop on this machine. */
export function runHere(workshop: Workshop, name: string): { status: number; stdout: string } {
  const stdout = workshop.run("sh", "-c", '"$0"; echo "status $?"', join(workshop.directory, name));
  const [text = "", status = ""] = stdout.split("status ");
  return { status: Number(status), stdout: text };
}
