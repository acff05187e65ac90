// SPDX-License-Identifier: MIT
/**
 * Follows values through one function, forwards over its blocks to a fixpoint, and keeps what registers and
 * stack hold at its calls and system calls. Run only for functions in which a number is decided.
 */

import { type CodeReader, isPadding } from "./code.js";
import { FlowControl, type Instruction, Mnemonic } from "./iced.js";
import { type AddressRange, type Module, regionAt } from "./module.js";
import { comparedRegister, type Equality } from "./operands.js";
import { Flow as FlowKind } from "./scanner.js";
import { upperBound } from "./sorted.js";
import { MachineState } from "./state.js";
import type { Value } from "./values.js";

/** The state in front of every call, jump out, and system call of a function. */
export type StatesAtCalls = ReadonlyMap<number, MachineState>;

type EntryStates = ReadonlyMap<number, MachineState>;

interface Block {
  readonly start: number;
  readonly end: number;
  /** Where its direct jump leads, when that is in the function. */
  readonly jumpTarget: number | undefined;
  /** The others: what it runs on into, and what its table holds. */
  readonly successors: readonly number[];
}

/** From the visit on that a loop is given up following exactly. */
const visitsBeforeWidening = 4;

/** The flow of the function at [start, end), in two depths: most numbers are set right before they are used. */
export class Flow {
  readonly #reader: CodeReader;
  readonly #start: number;
  readonly #blocks: Blocks;
  readonly #nearby = new Map<number, MachineState>();
  #before: EntryStates | undefined;
  #whole: StatesAtCalls | undefined;

  /** `comesBack` tells of a call by its address whether control goes on behind it. */
  constructor(module: Module, reader: CodeReader, extent: AddressRange, comesBack: (at: number) => boolean) {
    this.#reader = reader;
    this.#start = extent.start;
    this.#blocks = findBlocks(module, reader, extent, comesBack);
  }

  /** What the block with an instruction alone says of the state in front of it. */
  nearby(at: number): MachineState | undefined {
    const known = this.#nearby.get(at);
    if (known !== undefined) return known;
    const { leaders, blocks } = this.#blocks;
    const block = blocks.get(leaders[upperBound(leaders, at) - 1] ?? Number.NaN);
    if (block === undefined) return undefined;
    const state = MachineState.unknown();
    this.#reader.walk(block.start, at, () => state.step(this.#reader.instruction));
    this.#nearby.set(at, state);
    return state;
  }

  /** The state in front of every call, jump out and system call. */
  whole(): StatesAtCalls {
    this.#whole ??= recordStates(this.#reader, this.#blocks.blocks, this.#entryStates());
    return this.#whole;
  }

  /** What the function stores in a word of static data. */
  storedAt(address: number): readonly Value[] {
    const stored: Value[] = [];
    this.visit((_, instruction, state) => {
      const value = state.storedAt(instruction, address);
      if (value !== undefined) stored.push(value);
    });
    return stored;
  }

  /** Calls back with each instruction that can be reached and the state in front of it, which changes afterwards. */
  visit(see: (at: number, instruction: Instruction, state: MachineState) => void): void {
    const { instruction } = this.#reader;
    forEachState(this.#reader, this.#blocks.blocks, this.#entryStates(), (at, state) =>
      see(at, instruction, state),
    );
  }

  /** Where its blocks start: all that a jump or a table leads to, and what follows a jump. */
  get leaders(): Iterable<number> {
    return this.#blocks.leaders;
  }

  /** Whether the function has a table that its indirect jumps lead through. */
  get hasJumpTable(): boolean {
    return this.#blocks.hasTable;
  }

  #entryStates(): EntryStates {
    this.#before ??= entryStates(this.#reader, this.#blocks, this.#start);
    return this.#before;
  }
}

/** The state at the start of each block that can be entered: a fixpoint. */
function entryStates(reader: CodeReader, { blocks, entries }: Blocks, start: number): EntryStates {
  const before = new Map<number, MachineState>([[start, MachineState.atEntry()]]);
  // Blocks that nothing here leads to are entered by exceptions, or through a table we cannot read.
  for (const entry of entries) if (entry !== start) before.set(entry, MachineState.unknown());
  const visits = new Map<number, number>();
  let pending = new Set(before.keys());
  const enter = (successor: number, state: MachineState) => {
    const known = before.get(successor);
    const count = visits.get(successor) ?? 0;
    const merged = known?.join(state, count > visitsBeforeWidening) ?? state.copy();
    if (known !== undefined && merged.equals(known)) return;
    visits.set(successor, count + 1);
    before.set(successor, merged);
    pending.add(successor);
  };
  while (pending.size > 0) {
    const round = [...pending].sort((left, right) => left - right);
    pending = new Set();
    for (const address of round) {
      const block = blocks.get(address);
      const state = before.get(address)?.copy();
      if (block === undefined || state === undefined) continue;
      const equality = runBlock(reader, block, state);
      const { jumpTarget, successors } = block;
      if (jumpTarget !== undefined)
        enter(jumpTarget, equality === undefined ? state : state.knowing(equality));
      for (const successor of successors) enter(successor, state);
    }
  }
  return before;
}

/** Changes the state to that behind the block; returns what holds as well where its `je` jumps to. */
function runBlock(reader: CodeReader, block: Block, state: MachineState): Equality | undefined {
  const { instruction } = reader;
  let compared: Equality | undefined;
  let holds: Equality | undefined;
  reader.walk(block.start, block.end, () => {
    holds = instruction.mnemonic === Mnemonic.Je ? compared : undefined;
    compared = comparedRegister(instruction);
    state.step(instruction);
  });
  return holds;
}

function recordStates(
  reader: CodeReader,
  blocks: ReadonlyMap<number, Block>,
  before: EntryStates,
): StatesAtCalls {
  const states = new Map<number, MachineState>();
  forEachState(reader, blocks, before, (at, state) => {
    if (reader.instruction.flowControl !== FlowControl.Next) states.set(at, state.copy());
  });
  return states;
}

/** Calls `visit` in front of every instruction that can be reached; the state changes as it goes on. */
function forEachState(
  reader: CodeReader,
  blocks: ReadonlyMap<number, Block>,
  before: EntryStates,
  visit: (at: number, state: MachineState) => void,
): void {
  for (const [address, entry] of before) {
    const block = blocks.get(address);
    if (block === undefined) continue;
    const state = entry.copy();
    reader.walk(block.start, block.end, (at) => {
      visit(at, state);
      state.step(reader.instruction);
    });
  }
}

interface Blocks {
  readonly blocks: ReadonlyMap<number, Block>;
  /** Starts of all blocks, sorted. */
  readonly leaders: Float64Array;
  /** Starts of blocks without a predecessor, beside the function's. */
  readonly entries: readonly number[];
  readonly hasTable: boolean;
}

interface Jump {
  readonly at: number;
  readonly next: number;
  /** In the function. */
  readonly target: number | undefined;
  readonly fallsThrough: boolean;
  readonly throughTable: boolean;
}

function findBlocks(
  module: Module,
  reader: CodeReader,
  extent: AddressRange,
  comesBack: (at: number) => boolean,
): Blocks {
  const { start } = extent;
  const { jumps, tables, isInstruction, last } = readJumps(module, extent, comesBack);
  const tableTargets = [...tables].flatMap((table) => readTable(module, table, isInstruction, tables));
  const leaders = new Set([start, ...tableTargets, ...jumps.flatMap(({ target }) => target ?? [])]);
  const followed = new Set(leaders);
  for (const { next, fallsThrough } of jumps) {
    if (next < last) leaders.add(next);
    if (fallsThrough) followed.add(next);
  }
  const sorted = Float64Array.from([...leaders].filter(isInstruction)).sort();
  const jumpAt = new Map(jumps.map((jump) => [jump.next, jump]));
  const blocks = new Map<number, Block>();
  sorted.forEach((leader, index) => {
    const limit = sorted[index + 1] ?? last;
    const jump = jumpAt.get(limit);
    const next = limit < last ? [limit] : [];
    const successors =
      jump === undefined
        ? next
        : [...(jump.fallsThrough ? next : []), ...(jump.throughTable ? tableTargets : [])];
    blocks.set(leader, { start: leader, end: limit, jumpTarget: jump?.target, successors });
    if (jump === undefined && limit < last) followed.add(limit);
  });
  // Padding leads nowhere, though its bytes fall into the next block.
  const entries = [...sorted].filter((leader) => !followed.has(leader));
  return {
    blocks,
    hasTable: tableTargets.length > 0,
    leaders: sorted,
    entries: entries.filter((leader) => !padsOnly(reader, leader, blocks.get(leader)?.end ?? leader)),
  };
}

interface Jumps {
  readonly jumps: readonly Jump[];
  /** Addresses that can be those of tables. */
  readonly tables: ReadonlySet<number>;
  readonly isInstruction: (address: number) => boolean;
  /** Behind the last instruction. */
  readonly last: number;
}

function readJumps(module: Module, { start, end }: AddressRange, comesBack: (at: number) => boolean): Jumps {
  const { scanner } = module;
  const code = module.code.find((each) => start >= each.start && start - each.start < each.sizeBytes);
  const limit = Math.min(end, code === undefined ? start : code.start + code.sizeBytes);
  if (code === undefined || limit <= start) return nowhere(start);
  const { starts, end: last, firstRecord, endRecord } = scanner.survey(code, start, limit);
  const jumps: Jump[] = [];
  const tables = new Set<number>();
  for (let record = firstRecord; record < endRecord; record++) {
    const kind = scanner.kindOf(record);
    const target = scanner.targetOf(record);
    const at = start + scanner.distanceOf(record);
    const isCall = kind === FlowKind.call || kind === FlowKind.indirectCall;
    // The base of a table of jump distances is taken by `lea`, that of a table of addresses is a displacement.
    if (kind === FlowKind.next) {
      if (regionAt(module, target)?.executable === false) tables.add(target);
    } else if (!isCall || !comesBack(at)) {
      jumps.push({
        at,
        next: at + scanner.sizeOf(record),
        target: target >= start && target < end ? target : undefined,
        fallsThrough: kind === FlowKind.conditional,
        throughTable: kind === FlowKind.indirectJump,
      });
    }
  }
  return { jumps, tables, isInstruction: (address) => starts[address - start] === 1, last };
}

function nowhere(last: number): Jumps {
  return { jumps: [], tables: new Set(), isInstruction: () => false, last };
}

function padsOnly(reader: CodeReader, start: number, end: number): boolean {
  let padding = true;
  reader.walk(start, end, () => {
    padding = isPadding(reader.instruction);
    return !padding;
  });
  return padding;
}

/** The entries of a jump table that lead into the function, up to the first that does not. */
function readTable(
  module: Module,
  table: number,
  isInstruction: (address: number) => boolean,
  tables: ReadonlySet<number>,
): readonly number[] {
  const region = regionAt(module, table);
  if (region === undefined) return [];
  const view = new DataView(region.bytes.buffer, region.bytes.byteOffset, region.bytes.length);
  const distances = entries(view, table - region.start, 4, (at) => table + view.getInt32(at, true));
  return distances.length > 0
    ? distances
    : entries(view, table - region.start, 8, (at) => Number(view.getBigUint64(at, true)));

  function entries(
    bytes: DataView,
    from: number,
    size: number,
    read: (at: number) => number,
  ): readonly number[] {
    const found: number[] = [];
    for (let at = from; at + size <= bytes.byteLength; at += size) {
      if (at > from && tables.has(table + at - from)) break;
      const target = read(at);
      if (!isInstruction(target)) break;
      found.push(target);
    }
    return found;
  }
}
