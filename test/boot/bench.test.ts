// SPDX-License-Identifier: MIT
/** A short `ukl bench`: what it says has to fit together, whatever this host is like. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseReport, type Report } from "../../src/bench/schema.js";
import { type BenchRequest, bench } from "../../src/bench.js";
import { build } from "../../src/build.js";
import { mergeFlags } from "../../src/config/merge.js";
import { packageFile } from "../../src/host/places.js";
import { patience, testLimit } from "../support/patience.js";

let scratch: string;
let kernelImage: string;
let report: Report;

const generic = { base: "generic" } as const;
const hello = { inputs: [packageFile("fixtures", "hello", "hello.c")], kernel: generic };

function request(changes: Partial<BenchRequest>): BenchRequest {
  return {
    configuration: mergeFlags(undefined, hello),
    compare: ["unikernel", "shortcuts", "unbound", "classic"],
    images: [],
    kernelImages: [],
    parts: ["boot", "calls"],
    runs: 1,
    seed: 1,
    accelerator: "tcg",
    limitMs: patience(240_000),
    onProgress: () => undefined,
    ...changes,
  };
}

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-bench-boot-"));
  // A kernel of another image stands for one of a distribution; nothing is masked in it.
  const configuration = mergeFlags(undefined, { ...hello, mode: "classic", mask: { default: "none" } });
  const output = join(scratch, "other.elf");
  const { bzImage } = await build({ configuration, output, bzImage: true, onProgress: () => undefined });
  kernelImage = bzImage ?? "";
  report = await bench(request({ images: [output], kernelImages: [kernelImage] }));
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

function figure(name: string, variant: string): number {
  const metric = report.metrics.find((each) => each.name === name);
  const result = metric?.results.find((each) => each.variant === variant);
  return result?.kind === "measured" ? result.median : Number.NaN;
}

test("is a report, with a column a variant", () => {
  expect(parseReport(JSON.stringify(report))).toEqual(report);
  const names = ["unikernel", "shortcuts", "unbound", "classic", "other", "other.bzimage"];
  expect(report.variants.map(({ name }) => name)).toEqual(names);
  expect(report).toMatchObject({ target: "hello", reference: "classic", host: { accelerator: "tcg" } });
  expect(report.notes.join()).toMatch(/^Emulated/);
});

test("a bound call takes less than an instruction that changes rings, which a ring-0 one does not", () => {
  const null_ = "null (getppid)";
  expect(figure(null_, "unikernel")).toBeGreaterThan(10);
  expect(figure(null_, "unikernel")).toBeLessThan(0.7 * figure(null_, "classic"));
  expect(figure(null_, "unbound")).toBeGreaterThan(figure(null_, "classic"));
  const pipe = "write and read of 1 byte on a pipe";
  expect(figure(pipe, "unikernel")).toBeLessThan(figure(pipe, "classic"));
});

test("the same kernel takes as much when it is booted from its bzImage", () => {
  for (const name of ["null (getppid)", "getuid", "write of 1 byte to /dev/zero"])
    expect(figure(name, "other.bzimage") / figure(name, "classic")).toBeCloseTo(1, 1);
});

test("an image that was there before has boots, and says why it has no system calls", () => {
  expect(figure("from the start of QEMU to the start of the program", "other")).toBeGreaterThan(1);
  const calls = report.metrics.find(({ part }) => part === "calls");
  expect(calls?.results.find(({ variant }) => variant === "other")).toMatchObject({
    kind: "notMeasured",
    because: expect.stringContaining("not the one that measures"),
  });
});

test("main comes after the start of the program, and a kernel that unpacks itself takes longer to both", () => {
  const [start, main] = ["from reset to the start of the program", "from reset to main"];
  for (const variant of ["unikernel", "shortcuts", "unbound", "classic", "other", "other.bzimage"]) {
    expect(figure(start, variant)).toBeGreaterThan(1e6);
    expect(figure(main, variant)).toBeGreaterThan(figure(start, variant));
  }
  expect(figure(main, "other.bzimage")).toBeGreaterThan(1.5 * figure(main, "classic"));
});

test("conditions are those of the guests", () => {
  const conditions = Object.fromEntries(report.variants.map((variant) => [variant.name, variant.conditions]));
  expect(conditions).toMatchObject({
    unikernel: { ring: "0", "system calls": expect.stringContaining("became calls"), processors: "1" },
    classic: { ring: "3", "system calls": "instructions", "kernel options": "those of the reference" },
    "other.bzimage": { ring: "3", "kernel options": "not known" },
  });
  const release = conditions["classic"]?.["kernel release"];
  expect(release).toMatch(/^6\.12\./);
  expect(conditions["other.bzimage"]?.["kernel release"]).toBe(release);
  expect(conditions["unikernel"]?.["kernel options"]).toContain("CONFIG_UNIKERNEL_LINUX=n→y");
});

test("a server that never answers ends in an error, and not in a report", {
  timeout: testLimit(300_000),
}, async () => {
  const source = fileURLToPath(new URL("bench-silent.c", import.meta.url));
  const configuration = mergeFlags(undefined, { inputs: [source], name: "redis-server", kernel: generic });
  const silent = request({ configuration, compare: ["unikernel"], parts: ["boot"], limitMs: 20_000 });
  await expect(bench(silent)).rejects.toMatchObject({ code: "UKL-802", detail: { cause: /within 20 s/ } });
});

test("a server that ends while it is counted has a reason, and no figure", {
  timeout: testLimit(300_000),
}, async () => {
  const source = fileURLToPath(new URL("bench-ending.c", import.meta.url));
  const configuration = mergeFlags(undefined, { inputs: [source], name: "redis-server", kernel: generic });
  const compare = ["unikernel", "classic"] as const;
  const { metrics, notes } = await bench(request({ configuration, compare, parts: ["server"] }));
  const figures = metrics.flatMap(({ results }) => results).filter(({ kind }) => kind === "measured");
  expect(figures).toEqual([]);
  expect(JSON.stringify([metrics, notes])).toMatch(/Not measured: instructions of requests\. [^"]+/);
});
