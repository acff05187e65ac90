// SPDX-License-Identifier: MIT
// Where the instructions of a boot go: the image runs under QEMU's translator with boot-profile.c plugged in, and what
// that counts by block is summed by the functions of the image.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("boot-profile.c", import.meta.url));

/** The kernel's half is mapped from here (__START_KERNEL_map); until then it runs at its load addresses. */
const kernelMap = 0xffffffff80000000n;

/** Compiles the plugin; returns its path. */
export function compilePlugin(directory) {
  const plugin = join(directory, "boot-profile.so");
  execFileSync("gcc", ["-shared", "-fPIC", "-O2", source, "-o", plugin]);
  return plugin;
}

/** The argument of -plugin. A mark is an address, or an array of addresses one of which is reached. */
export function pluginArgument(plugin, output, marks) {
  const places = marks.flatMap((mark) =>
    [mark].flat().map((address, index) => `${index === 0 ? "mark" : "or"}=0x${address.toString(16)}`),
  );
  return [plugin, `out=${output}`, ...places].join(",");
}

/** Reads what the plugin wrote: instructions before each mark, and [function, instructions], most first. */
export function readProfile(path, image) {
  const lines = readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(" "));
  const functionAt = functionFinder(image);
  const byFunction = new Map();
  for (const [kind, address, count] of lines) {
    if (kind !== "block") continue;
    const name = functionAt(BigInt(`0x${address}`));
    byFunction.set(name, (byFunction.get(name) ?? 0) + Number(count));
  }
  return {
    marks: lines.filter(([kind]) => kind === "mark").map(([, , count]) => Number(count)),
    functions: [...byFunction].sort(([, left], [, right]) => right - left),
  };
}

/** By address, the name of the kernel's function, or in whose code it is. */
function functionFinder(image) {
  const functions = image.symbols
    .filter(({ type, value }) => (type === "function" || type === "none") && value >= kernelMap)
    .sort((left, right) => (left.value < right.value ? -1 : 1));
  const end = image.symbols.find(({ name }) => name === "_end").value;
  const start = image.symbols.find(({ name }) => name === "_text").value;
  const user = image.segments.filter(({ vaddr }) => vaddr < kernelMap);
  return (address) => {
    const inProgram = user.some(
      ({ vaddr, memsz }) => vaddr !== 0n && address >= vaddr && address < vaddr + BigInt(memsz),
    );
    if (inProgram) return "(init and the program)";
    const kernelAddress = address < kernelMap ? address + kernelMap : address;
    if (kernelAddress < start || kernelAddress >= end) return address < kernelMap ? "(firmware)" : "(other)";
    return functions[lastAtMost(functions, kernelAddress)]?.name ?? "(other)";
  };
}

/** The place of the last entry whose value is not above the address. */
function lastAtMost(sorted, address) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle].value <= address) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
