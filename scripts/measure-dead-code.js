// SPDX-License-Identifier: MIT
// Measures what of the kernel an image of hello has, with and without what nothing refers to, and with --write puts
// the tables into docs/dead-code.md.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { planImage } from "../dist/build.js";
import { configurationSchema } from "../dist/config/schema.js";
import { SHF, SHT } from "../dist/elf/constants.js";
import { parseElf } from "../dist/elf/file.js";
import { stopwatch } from "../dist/host/stopwatch.js";
import { writeBzImage } from "../dist/link/bzimage.js";
import { withoutDeadCode } from "../dist/link/dead-code/kernel.js";
import { linkImage } from "../dist/link/image.js";

const hello = fileURLToPath(new URL("../fixtures/hello/hello.c", import.meta.url));
const document = new URL("../docs/dead-code.md", import.meta.url);

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
  const [open, masked] = [await plan(mode, "none"), await plan(mode, "enosys")];
  const variants = [
    ["whole", open, undefined],
    ["without dead code, every call", open, {}],
    ["without dead code, the calls of hello and init", masked, {}],
    ["the same, with side tables as roots", masked, { keepSideTables: true }],
  ];
  const rows = [];
  for (const [name, { kernel, parts, payload }, options] of variants) {
    const { directory } = kernel;
    const place = mkdtempSync(join(scratch, "variant-"));
    const whole = { ...parts, object: join(directory, "vmlinux.o") };
    const begin = performance.now();
    const linkedParts = options === undefined ? whole : await withoutDeadCode(whole, [], place, options);
    const collected = performance.now();
    const image = readFileSync(await linkImage(linkedParts, payload, place));
    const linked = performance.now();
    const bzImage = await writeBzImage(directory, image, join(place, "image.elf"), place);
    rows.push({ name, ...contents(linkedParts.object), bzImageBytes: statSync(bzImage).size });
    const times = [collected - begin, linked - collected].map((ms) => `${Math.round(ms)} ms`);
    process.stderr.write(`${mode}, ${name}: collecting took ${times[0]}, linking ${times[1]}\n`);
  }
  return `### ${mode}\n\n${render(rows)}`;
}

/** What a build of hello links, with a policy for the calls without use. */
function plan(mode, policy) {
  const configuration = configurationSchema.parse({
    inputs: [hello],
    mode,
    mask: { default: policy },
    kernel: { base: "generic" },
  });
  const place = mkdtempSync(join(scratch, "plan-"));
  return planImage({ configuration, onProgress: () => undefined }, place, stopwatch());
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

/** Between the two marks of the document. */
function writeInto(text) {
  const old = readFileSync(document, "utf8");
  const written = old.replace(/(?<=<!-- measured -->\n).*(?=<!-- end -->)/s, () => `\n${text}\n`);
  writeFileSync(document, written);
}
