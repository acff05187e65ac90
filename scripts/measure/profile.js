// SPDX-License-Identifier: MIT
// Where the instructions of a boot go: what bench/plugins/boot-profile.c counts by block is summed by the functions of
// the image.
/** The kernel's half is mapped from here (__START_KERNEL_map); until then it runs at its load addresses. */
const kernelMap = 0xffffffff80000000n;

/** Of what the plugin counted by block: [function, instructions], most first. */
export function byFunction(blocks, image) {
  const functionAt = functionFinder(image);
  const sums = new Map();
  for (const [address, count] of blocks) {
    const name = functionAt(address);
    sums.set(name, (sums.get(name) ?? 0) + count);
  }
  return [...sums].sort(([, left], [, right]) => right - left);
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
