// SPDX-License-Identifier: MIT
/** The nodes of the graph (src/inspect/graph.ts): functions and data objects, each found by its file and its start. */
import { allocate, code, nextRecord, open } from "./code";
import { column, Module, nextStart, Region, rangeIndex, regionAt } from "./modules";
import { does, scan } from "./scan";

/** Which kind of node there is at an address. Objects are as long as their symbols say, or as boundaries do. */
export namespace table {
  export const functions: i32 = 0;
  export const objects: i32 = 1;
  export const symbols: i32 = 2;
}

@unmanaged
export class Node {
  start: f64 = 0;
  end: f64 = 0;
  /** Of a function that was scanned: where it ends, its records, and what it does. */
  scanEnd: f64 = 0;
  firstRecord: u32 = 0;
  endRecord: u32 = 0;
  does: u32 = 0;
  module: usize = 0;
  /** Places of its edges in memory, divided by their size; zero as long as it has none. */
  firstEdge: u32 = 0;
  endEdge: u32 = 0;
  table: u8 = 0;
  isScanned: bool = false;
  /** Whether it picks another function (STT_GNU_IFUNC, R_X86_64_IRELATIVE). */
  isResolver: bool = false;
  /** Whether an edge to it passes only after a question. */
  isGuarded: bool = false;
  /** The place of the last call of it that was noted (callers.ts). */
  lastCall: usize = 0;
  areCallsNoted: bool = false;
}

/** A multiple of 8, so that numbers in it can be read from outside. */
const nodeBytes: usize = (offsetof<Node>() + 7) & ~7;
const chunkBits = 12;
const chunkNodes: u32 = 1 << chunkBits;
const mostChunks: u32 = 1 << 14;
const chunks = new StaticArray<usize>(mostChunks);
let count: u32 = 0;

/** Ids counted from 1, at the places that hashes tell, or behind. */
let slots: usize = 0;
let slotCount: u32 = 0;
const firstSlots: u32 = 1 << 15;

export function nodeAt(id: u32): Node {
  return changetype<Node>(unchecked(chunks[id >> chunkBits]) + <usize>(id & (chunkNodes - 1)) * nodeBytes);
}

/** The id of the node at a start, which is made if it is new: it ends at `end`. */
export function findNode(module: Module, which: i32, start: f64, end: f64): u32 {
  if (count * 2 >= slotCount) growSlots();
  const place = slotOf(changetype<usize>(module), which, start);
  const known = load<u32>(place);
  if (known !== 0) return known - 1;
  store<u32>(place, count + 1);
  return addNode(module, which, start, end);
}

/** The id of a function. */
export function functionAt(module: Module, start: f64): u32 {
  const range = rangeIndex(module, column.functionStarts, start);
  const end = range >= 0 ? module.number(column.functionEnds, range) : start;
  return findNode(module, table.functions, start, end);
}

function addNode(module: Module, which: i32, start: f64, end: f64): u32 {
  const chunk = count >> chunkBits;
  if (chunk >= mostChunks) unreachable();
  if (unchecked(chunks[chunk]) === 0) chunks[chunk] = allocate(<usize>chunkNodes * nodeBytes);
  const node = nodeAt(count);
  node.start = start;
  node.end = end;
  node.module = changetype<usize>(module);
  node.table = <u8>which;
  return count++;
}

/** Where a node's id is, or comes. */
function slotOf(module: usize, which: i32, start: f64): usize {
  const bits = reinterpret<u64>(start) + module * 31 + which;
  let slot = <u32>((bits * 0x9e3779b97f4a7c15) >> 32) & (slotCount - 1);
  let place = slots + ((<usize>slot) << 2);
  for (let known = load<u32>(place); known !== 0; known = load<u32>(place)) {
    const node = nodeAt(known - 1);
    if (node.start === start && node.module === module && node.table === <u8>which) break;
    slot = (slot + 1) & (slotCount - 1);
    place = slots + ((<usize>slot) << 2);
  }
  return place;
}

function growSlots(): void {
  slotCount = max(slotCount * 4, firstSlots);
  slots = allocate((<usize>slotCount) << 2);
  for (let id: u32 = 0; id < count; id++) {
    const node = nodeAt(id);
    store<u32>(slotOf(node.module, node.table, node.start), id + 1);
  }
}

/** Looks at the code of a function, once: up to the end of its known range, or else of its flow or to the next one. */
export function scanNode(id: u32): Node {
  const node = nodeAt(id);
  if (node.isScanned) return node;
  node.isScanned = true;
  const module = changetype<Module>(node.module);
  const start = node.start;
  const region = regionAt(module, start);
  node.scanEnd = start;
  node.firstRecord = nextRecord();
  if (region !== null && region.isExecutable && start - region.start < region.sizeBytes) {
    open(<usize>region.place, <usize>region.sizeBytes, region.start, module.low, module.high);
    const range = rangeIndex(module, column.functionStarts, start);
    // A target inside a range is an entry of its own, and one range covers the whole procedure linkage table.
    const bound = range >= 0 ? module.number(column.functionEnds, range) : nextStart(module, start);
    const isStart = range >= 0 && module.number(column.functionStarts, range) === start;
    node.scanEnd = start + <f64>scan(<usize>(start - code.start), bound, isStart);
    node.does = does;
  }
  node.endRecord = nextRecord();
  return node;
}
