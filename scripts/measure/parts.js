// SPDX-License-Identifier: MIT
// What the bytes of an image are, by the sections of its file.

/** The first pattern that fits a section's name says what it is. */
const kinds = [
  ["the program and its files", /^\.ukl\./],
  ["symbol table", /^\.(symtab|strtab|shstrtab)$/],
  ["kernel code", /^\.text$/],
  [
    "code and data of the start, then freed",
    /^\.(init|exit|altinstr|x86_cpu_dev|iommu|apicdrivers|retpoline|return|ibt|smp_locks|parainstr|data_nosave)/,
  ],
  ["kernel data", /^\.(data|vvar|data\.\.|brk|bss|runtime)/],
  ["kernel constants and tables", /./],
];

const nobits = 8;

/** [what, bytes in the file], padding last. */
export function imageParts(image, fileBytes) {
  const sizes = new Map();
  for (const { name, type, size } of image.sections) {
    if (type === nobits || name === "") continue;
    const [kind] = kinds.find(([, pattern]) => pattern.test(name));
    sizes.set(kind, (sizes.get(kind) ?? 0) + size);
  }
  const known = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  return [
    ...[...sizes].sort(([, left], [, right]) => right - left),
    ["padding and headers", fileBytes - known],
  ];
}
