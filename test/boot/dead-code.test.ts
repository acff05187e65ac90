// SPDX-License-Identifier: MIT
/** What of the kernel is in an image, as nm and readelf of binutils see it. */
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { planImage } from "../../src/build.js";
import { configurationSchema } from "../../src/config/schema.js";
import { parseElf } from "../../src/elf/file.js";
import { stopwatch } from "../../src/host/stopwatch.js";
import { buildImage, modes } from "../support/harness.js";

const hello = fileURLToPath(new URL("../../fixtures/hello/hello.c", import.meta.url));
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-dead-code-"));
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Names and addresses, as nm prints them. */
function symbolsOf(path: string, ...flags: string[]): ReadonlyMap<string, { type: string; address: bigint }> {
  const lines = execFileSync("nm", [...flags, path], { encoding: "utf8", maxBuffer: 64 << 20 });
  const found = [...lines.matchAll(/^([0-9a-f]*) +(\w) (\S+)$/gm)];
  return new Map(
    found.map(([, address, type = "", name = ""]) => [name, { type, address: BigInt(`0x${address || 0}`) }]),
  );
}

/** What code and data of an object name, but for the kernel's own dispatch. */
function referredTo(object: string): ReadonlySet<string> {
  const listing = execFileSync("readelf", ["-rW", object], { encoding: "utf8", maxBuffer: 64 << 20 });
  const tables = listing.split("Relocation section '.rela");
  const others = tables.filter((table) => !/^\.(?:text\.x64_sys_call|rodata\.sys_call_table)'/.test(table));
  return new Set(others.flatMap((table) => table.match(/(?<= )__x64_sys_\w+(?= [+-])/g) ?? []));
}

describe.each(modes)("the kernel of a %s image", (mode) => {
  let image: string;
  let names: ReturnType<typeof symbolsOf>;
  let wholeKernel: string;
  let dispatch: string;

  beforeAll(async () => {
    image = join(scratch, `${mode}.elf`);
    await buildImage({ inputs: [hello], mode }, image);
    names = symbolsOf(image);
    const configuration = configurationSchema.parse({ inputs: [hello], mode, kernel: { base: "generic" } });
    const { kernel, parts } = await planImage(
      { configuration, onProgress: () => undefined },
      scratch,
      stopwatch(),
    );
    wholeKernel = join(kernel.directory, "vmlinux.o");
    dispatch = parts.stubs[0] ?? "";
  });

  test("has the handlers that its dispatch names, and no other", () => {
    // A part that a compiler split off (NAME.cold) is its function's: of one that is not there it must not be either.
    const handlers = (found: ReadonlyMap<string, unknown>) => {
      const functions = [...found.keys()].map((name) => name.replace(/\..*/, ""));
      return [...new Set(functions.filter((name) => name.startsWith("__x64_sys_")))].sort();
    };
    const wanted = handlers(symbolsOf(dispatch, "--undefined-only"));
    expect(handlers(names)).toEqual(expect.arrayContaining(wanted));
    // A call that this kernel was built without is another name of sys_ni_syscall.
    const nothing = names.get("__x64_sys_ni_syscall")?.address;
    const more = handlers(names).filter((name) => !wanted.includes(name));
    const unexpected = more.filter((name) => names.get(name)?.address !== nothing);
    expect(unexpected.filter((name) => !referredTo(wholeKernel).has(name))).toEqual([]);
  });

  test("has a tenth less functions than the whole kernel", () => {
    const functions = (found: ReturnType<typeof symbolsOf>) =>
      [...found.values()].filter(({ type }) => /[tTW]/.test(type)).length;
    expect(functions(names)).toBeLessThan(functions(symbolsOf(wholeKernel, "--defined-only")) * 0.9);
  });

  test("has no record of an exception that is not in its code", async () => {
    const [start, end] = ["__start___ex_table", "__stop___ex_table"].map(
      (name) => names.get(name)?.address ?? 0n,
    );
    const file = parseElf(await readFile(image), image);
    const bytes = Buffer.from(file.bytesAt(start ?? 0n, Number((end ?? 0n) - (start ?? 0n))) ?? []);
    expect(bytes.length).toBeGreaterThan(12 * 100);
    expect(bytes.length % 12).toBe(0);
    const code = file.sections.filter(({ flags }) => (flags & 4) !== 0);
    for (let at = 0; at < bytes.length; at += 12) {
      for (const field of [at, at + 4]) {
        const place = (start ?? 0n) + BigInt(field) + BigInt(bytes.readInt32LE(field));
        const section = code.find(({ addr, size }) => place >= addr && place < addr + BigInt(size));
        expect(section, `0x${place.toString(16)}`).toBeDefined();
        // Between functions is the script's filler: a record of a dead one would point there, or to nothing.
        expect(file.bytesAt(place, 2)).not.toEqual(Buffer.from([0xcc, 0xcc]));
      }
    }
  });
});
