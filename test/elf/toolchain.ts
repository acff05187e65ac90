// SPDX-License-Identifier: MIT
/** Small real files for the tests of this folder, made by the host's binutils and gcc in a scratch directory. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { type ElfFile, parseElf } from "../../src/elf/file.js";

export interface Workshop {
  readonly directory: string;
  /** Runs a tool in the scratch directory and returns its output. */
  run(tool: string, ...args: string[]): string;
  write(name: string, content: string | Uint8Array): void;
  read(name: string): Buffer;
  parse(name: string): ElfFile;
  /** Assembles `source` to NAME.o. */
  assemble(name: string, source: string): void;
}

/** A scratch directory that is removed after the tests of the file. */
export function openWorkshop(): Workshop {
  const directory = mkdtempSync(join(tmpdir(), "ukl-elf-test-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const path = (name: string) => join(directory, name);
  const run = (tool: string, ...args: string[]) =>
    execFileSync(tool, args, {
      cwd: directory,
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C" },
      maxBuffer: 64 << 20,
      stdio: ["ignore", "pipe", "pipe"],
    });
  const write = (name: string, content: string | Uint8Array) => writeFileSync(path(name), content);
  return {
    directory,
    run,
    write,
    read: (name) => readFileSync(path(name)),
    parse: (name) => parseElf(readFileSync(path(name)), name),
    assemble(name, source) {
      write(`${name}.s`, source);
      run("as", "-o", `${name}.o`, `${name}.s`);
    },
  };
}

/** The same program linked in every way, with TLS, versions, weak symbols and relocations of several types. */
export function buildSamples(workshop: Workshop): void {
  workshop.write(
    "sample.c",
    `#include <stdio.h>
    __thread int counter = 3;
    static __thread char scratch[100];
    extern int optional_hook(void) __attribute__((weak));
    int shared_value = 7;
    int *pointers[40] = { &shared_value, &shared_value, [39] = &shared_value };
    __attribute__((visibility("hidden"))) int hidden_value;
    int main(void) {
      scratch[1] = 1;
      puts("sample");
      return optional_hook ? optional_hook() : counter + hidden_value + scratch[1] + *pointers[0];
    }\n`,
  );
  workshop.run("gcc", "-O1", "-fPIC", "-c", "-o", "sample.o", "sample.c");
  workshop.run("gcc", "-static", "-no-pie", "-Wl,--build-id", "-o", "static", "sample.o");
  workshop.run("gcc", "-static-pie", "-o", "static-pie", "sample.o");
  workshop.run("gcc", "-no-pie", "-o", "dynamic", "sample.o");
  workshop.run("gcc", "-pie", "-Wl,-rpath,$ORIGIN/lib", "-o", "dynamic-pie", "sample.o");
  workshop.run("gcc", "-shared", "-Wl,-soname,libsample.so.1", "-o", "shared-library", "sample.o");
  workshop.run("gcc", "-shared", "-Wl,-z,pack-relative-relocs", "-Wl,-Bsymbolic", "-o", "packed", "sample.o");
}

/** Processor time spent since the call, in milliseconds: other work on the machine does not count. */
export function startClock(): () => number {
  const start = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
}

/** As sstrip does: no section headers, nothing behind the last segment. */
export function withoutSectionHeaders(file: Uint8Array): Buffer {
  const end = Math.max(...parseElf(file, "input").segments.map(({ offset, filesz }) => offset + filesz));
  const stripped = Buffer.from(file.subarray(0, end));
  stripped.writeBigUInt64LE(0n, 40);
  stripped.fill(0, 58, 64);
  return stripped;
}
