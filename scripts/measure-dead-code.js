// SPDX-License-Identifier: MIT
// Measures what of the kernel an image of hello has, with and without what nothing refers to, and with --write puts
// the tables into docs/dead-code.md.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SHF, SHT } from "../dist/elf/constants.js";
import { parseElf } from "../dist/elf/file.js";
import { cacheDirectory } from "../dist/host/places.js";
import { inspectionCache } from "../dist/inspect/cache.js";
import { inspect } from "../dist/inspect/inspect.js";
import { getKernel } from "../dist/kernel/kernel.js";
import { linkApplication } from "../dist/link/application.js";
import { writeBzImage } from "../dist/link/bzimage.js";
import { withoutDeadCode } from "../dist/link/dead-code/kernel.js";
import { linkImage } from "../dist/link/image.js";
import { layOutPayload } from "../dist/link/payload.js";
import { archiveMembers } from "../dist/rootfs/cpio.js";
import { rootEntries } from "../dist/rootfs/root.js";
import { compileDispatch, compileInit } from "../dist/stubs/compile.js";

const hello = fileURLToPath(new URL("../fixtures/hello/hello.c", import.meta.url));
const document = new URL("../docs/dead-code.md", import.meta.url);
const emptySources = {
  libraries: [],
  libraryPaths: [],
  compileFlags: [],
  linkFlags: [],
  extraObjects: [],
};

const modes = process.argv.includes("--mode")
  ? [process.argv[process.argv.indexOf("--mode") + 1]]
  : ["unikernel", "classic"];
const scratch = mkdtempSync(join(tmpdir(), "ukl-dead-code-"));

try {
  const tables = [];
  for (const mode of modes) tables.push(await measure(mode));
  const text = tables.join("\n");
  process.stdout.write(text);
  if (process.argv.includes("--write")) writeInto(text);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function measure(mode) {
  const kernel = await getKernel({ mode, onProgress: () => undefined });
  const { directory, compiler } = kernel;
  const application = await linkApplication(
    { ...emptySources, inputs: [hello], compiler: undefined, kernelSymbols: new Map() },
    scratch,
  );
  const init = await compileInit(compiler);
  const used = new Set([...(await callsOf(application)), ...(await callsOf(init))]);
  const dispatch = await compileDispatch(directory, compiler);
  const masked = await compileDispatch(tableOf(directory, used), compiler);
  const payload = layOutHello(application, init);

  const rows = [];
  const variants = [
    ["whole", dispatch, undefined],
    ["without dead code, every call", dispatch, {}],
    ["without dead code, the calls of hello and init", masked, {}],
    ["the same, with side tables as roots", masked, { keepSideTables: true }],
  ];
  for (const [name, stub, options] of variants) {
    const whole = { directory, object: join(directory, "vmlinux.o"), stubs: [stub] };
    const place = mkdtempSync(join(scratch, "variant-"));
    const begin = performance.now();
    const parts = options === undefined ? whole : await withoutDeadCode(whole, [], place, options);
    const collected = performance.now();
    const image = readFileSync(await linkImage(parts, payload, place));
    const linked = performance.now();
    const bzImage = await writeBzImage(directory, image, join(place, "image.elf"), place);
    rows.push({
      name,
      ...contents(parts.object),
      bzImageBytes: statSync(bzImage).size,
    });
    const times = [collected - begin, linked - collected].map((ms) => `${Math.round(ms)} ms`);
    process.stderr.write(`${mode}, ${name}: collecting took ${times[0]}, linking ${times[1]}\n`);
  }
  const counts = `${used.size} of ${callCount(directory)} calls`;
  return `### ${mode}, ${counts}\n\n${render(rows)}`;
}

function render(rows) {
  const [whole] = rows;
  const less = (value, of) => `${value} (${(((value - of) / of) * 100).toFixed(1)} %)`;
  const lines = rows.map((row) => {
    const cells = ["functions", "textBytes", "dataBytes", "bssBytes", "bzImageBytes"].map((name) =>
      row === whole ? `${row[name]}` : less(row[name], whole[name]),
    );
    return `| ${[row.name, ...cells].join(" | ")} |\n`;
  });
  return `| kernel | functions | code, bytes | data, bytes | zeros, bytes | bzImage with hello, bytes |
| --- | ---: | ---: | ---: | ---: | ---: |
${lines.join("")}`;
}

/** What of the kernel object goes into an image. */
function contents(path) {
  const object = parseElf(readFileSync(path), path);
  const discarded = /^\.(?:discard|export_symbol|modinfo|exitcall)/;
  const isIn = ({ flags, name }) =>
    (flags & SHF.ALLOC) !== 0 && (flags & SHF.EXCLUDE) === 0 && !discarded.test(name);
  const inside = object.sections.filter(isIn);
  const sum = (wanted) => inside.filter(wanted).reduce((total, { size }) => total + size, 0);
  const isCode = ({ flags }) => (flags & SHF.EXECINSTR) !== 0;
  const isZero = ({ type }) => type === SHT.NOBITS;
  const functions = object.symbols.filter(
    ({ type, section }) =>
      type === "function" && typeof section === "number" && isIn(object.sections[section]),
  );
  return {
    functions: functions.length,
    textBytes: sum(isCode),
    dataBytes: sum((section) => !isCode(section) && !isZero(section)),
    bssBytes: sum(isZero),
  };
}

async function callsOf(path) {
  const { syscalls } = await inspect({ path, mode: "precise", cache: inspectionCache(cacheDirectory()) });
  return syscalls.map(({ name }) => name);
}

/** A directory with the kernel's table of calls, cut to some. */
function tableOf(kernelDirectory, used) {
  const directory = join(scratch, "masked");
  mkdirSync(directory, { recursive: true });
  const isUsed = (line) => used.has(/sys_(\w+)\)/.exec(line)?.[1]) || /exit/.test(line);
  const lines = readFileSync(join(kernelDirectory, "syscalls_64.h"), "utf8").split("\n");
  writeFileSync(join(directory, "syscalls_64.h"), `${lines.filter(isUsed).join("\n")}\n`);
  return directory;
}

function callCount(kernelDirectory) {
  return readFileSync(join(kernelDirectory, "syscalls_64.h"), "utf8").match(/^__SYSCALL/gm).length;
}

function layOutHello(application, init) {
  const guestPath = "/bin/hello";
  const root = rootEntries({ init: readFileSync(init), guestPath, args: [], environment: {}, files: [] });
  return layOutPayload({
    members: archiveMembers(root),
    application: parseElf(readFileSync(application), application),
    guestPath,
    permissions: 0o1755,
    manifest: "{}",
  });
}

/** Between the two marks of the document. */
function writeInto(text) {
  const old = readFileSync(document, "utf8");
  const written = old.replace(/(?<=<!-- measured -->\n).*(?=<!-- end -->)/s, () => `\n${text}\n`);
  writeFileSync(document, written);
}
