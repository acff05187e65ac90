// SPDX-License-Identifier: MIT
/**
 * Thread-local storage: by which models code gets at it, and what a thread costs. The layout is glibc's on
 * x86-64 (`_dl_determine_tlsoffset` in elf/dl-tls.c, `__libc_setup_tls` in csu/libc-tls.c): the modules that are
 * loaded at start, a surplus for later ones, and the thread control block, all taken from the thread's stack.
 */
import { R_X86_64 } from "../elf/constants.js";
import type { SymbolTable } from "../elf/symbol-table.js";
import type { Constituents, LoadedObject } from "./closure.js";
import type { Inspection } from "./schema.js";

type Tls = Inspection["tls"];
type Model = Tls["models"][number]["model"];
type Part = Tls["threadParts"][number];

/** TCB_ALIGNMENT of glibc. */
const controlBlockAlignBytes = 64;
/**
 * What glibc keeps for libraries that are loaded later, with its tunables rtld.nns (4) and
 * rtld.optional_static_tls (512) as they are: `_dl_tls_static_surplus_init`. A static program has one namespace.
 */
const surplusBytes = { dynamic: 3 * 144 + 4 * 144 + 512 + 144, static: 144 + 512 + 144 };
/** Lays out TLS in the loader and, in a static program of newer glibc, at its start: as the largest alignment asks. */
const layoutSymbol = "_dl_determine_tlsoffset";
/** For debuggers, glibc tells the size of its `struct pthread` in a variable of this name. */
const controlBlockSymbol = "_thread_db_sizeof_pthread";

export function describeTls({ objects }: Pick<Constituents, "objects">): Tls {
  const modules = objects.filter(isLoadedAtStart).flatMap(({ name, file: { tls } }) =>
    tls === undefined
      ? []
      : [
          {
            library: name,
            memoryBytes: tls.memsz,
            alignBytes: tls.align,
            skewBytes: Number(-tls.vaddr & BigInt(tls.align - 1)),
          },
        ],
  );
  const staticBytes = staticSize(modules);
  const threadParts = partsOf(objects, staticBytes, Math.max(...modules.map((each) => each.alignBytes), 1));
  return {
    staticBytes,
    modules: modules.map(({ skewBytes: _, ...module }) => module),
    threadParts,
    threadBytes: threadParts.reduce((sum, { bytes }) => sum + bytes, 0),
    models: modelsOf(objects),
  };
}

function isLoadedAtStart({ reason }: LoadedObject): boolean {
  return reason === "program" || reason === "needed" || reason === "interpreter";
}

interface Block {
  readonly memoryBytes: number;
  readonly alignBytes: number;
  /** How far its start is from an aligned address. */
  readonly skewBytes: number;
}

/** Each block goes below the last, or into the gap that alignment left. */
function staticSize(blocks: readonly Block[]): number {
  let used = 0;
  let gap = { from: 0, to: 0 };
  for (const { memoryBytes, alignBytes, skewBytes } of blocks) {
    const endBehind = (from: number) => roundUp(from + memoryBytes - skewBytes, alignBytes) + skewBytes;
    const inGap = endBehind(gap.from);
    if (gap.to - gap.from >= memoryBytes && inGap <= gap.to) {
      gap = { ...gap, from: inGap };
      continue;
    }
    const end = endBehind(used);
    if (end - memoryBytes - used > gap.to - gap.from) gap = { from: used, to: end - memoryBytes };
    used = end;
  }
  return used;
}

function partsOf(objects: Constituents["objects"], staticBytes: number, alignBytes: number): Part[] {
  const modules: Part = {
    what: "TLS of the modules that are loaded at start",
    bytes: staticBytes,
    evidence: "their PT_TLS segments",
  };
  const block = objects.filter(isLoadedAtStart).flatMap((object) => controlBlock(object) ?? [])[0];
  if (block === undefined) return [modules];
  const isStatic = objects[0]?.file.interpreter === undefined;
  const surplus = isStatic ? surplusBytes.static : surplusBytes.dynamic;
  const isAligned = !isStatic || objects.some(({ file }) => addressOf(file.symbolTable, layoutSymbol));
  const align = isAligned ? Math.max(alignBytes, controlBlockAlignBytes) : controlBlockAlignBytes;
  const aligned = roundUp(staticBytes + surplus, align);
  const kept: Part = {
    what: "room for libraries that are loaded later, and alignment",
    bytes: aligned - staticBytes,
    evidence: `glibc keeps ${surplus} bytes, unless GLIBC_TUNABLES says otherwise`,
  };
  return [modules, kept, block];
}

function controlBlock({ name, file }: LoadedObject): Part | undefined {
  const address =
    addressOf(file.dynamicSymbolTable, controlBlockSymbol) ?? addressOf(file.symbolTable, controlBlockSymbol);
  const bytes = address === undefined ? undefined : file.bytesAt(BigInt(address), 4);
  if (bytes === undefined) return undefined;
  return {
    what: "thread control block",
    bytes: Buffer.from(bytes).readUInt32LE(),
    evidence: `${controlBlockSymbol} of ${name}`,
  };
}

function addressOf({ named, sections, values }: SymbolTable, name: string): number | undefined {
  return values[named(name).find((symbol) => (sections[symbol] as number) >= 0) ?? -1];
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

function modelsOf(objects: Constituents["objects"]): Tls["models"] {
  const libraries = new Map<Model, Set<string>>();
  for (const { name, reason, file } of objects) {
    const isProgram = reason === "program" && file.linkage !== "shared-library";
    const models = isProgram && file.tls !== undefined ? ["local-exec" as const] : [];
    for (const model of [...models, ...relocatedModels(file)]) {
      const users = libraries.get(model) ?? new Set();
      libraries.set(model, users.add(name));
    }
  }
  return [...libraries].map(([model, users]) => ({ model, libraries: [...users] }));
}

/**
 * What relocations tell. A module number without a symbol is for variables of the file itself: with an offset
 * beside it for one of them, with zero for all (local-dynamic).
 */
function relocatedModels(file: LoadedObject["file"]): readonly Model[] {
  const models: Model[] = [];
  const { count, types, symbols, offsets } = file.dynamicRelocations;
  for (let index = 0; index < count; index++) {
    const type = types[index];
    if (type === R_X86_64.TPOFF64) models.push("initial-exec");
    else if (type === R_X86_64.TLSDESC) models.push("descriptor");
    else if (type === R_X86_64.DTPMOD64) {
      const word = BigInt(offsets[index] as number) + 8n;
      const beside = symbols[index] === 0 ? file.bytesAt(word, 8) : undefined;
      models.push(beside?.every((byte) => byte === 0) ? "local-dynamic" : "general-dynamic");
    }
  }
  return models;
}
