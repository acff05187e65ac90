// SPDX-License-Identifier: MIT
/**
 * Where nodes lead to: by calls, by addresses that code takes, by pointers in data. An edge is two words: the id of its
 * target; and for a call twice its distance from the start of the function, and one more for a jump, or else -1.
 */
import { allocate, enlarge, record } from "./code";
import {
  column,
  isCode,
  Module,
  mayBeCode,
  objectEnd,
  objectStart,
  Region,
  rangeIndex,
  regionAt,
} from "./modules";
import { findNode, functionAt, Node, nodeAt, scanNode, table } from "./nodes";
import { Kind } from "./scan";

/** Asks what the symbol that a pointer names is bound to: the id of a node, or -1. */
declare function bind(module: i32, pointer: i32): i32;

/** What stands for a pointee that is not known: which kind of pointer it is (src/inspect/pointers.ts). */
namespace unresolved {
  export const local: i32 = -2;
  export const resolver: i32 = -3;
}

const edgeBits = 3;
const noCall: i32 = -1;
const nobody: i32 = -1;
/** Of a node without edges; not zero, which is for those that were not looked at. */
const noEdges: u32 = 1;

export namespace edge {
  export function target(index: u32): u32 {
    return load<u32>((<usize>index) << edgeBits);
  }

  export function isCall(index: u32): bool {
    return load<i32>((<usize>index) << edgeBits, 4) !== noCall;
  }
}

/** The edges of the node that is looked at, before they get their place. */
let staged: usize = 0;
let stagedCount: u32 = 0;
let stagedRoom: u32 = 0;
const firstRoom: u32 = 1 << 10;

/** The node, with its edges. */
export function withEdges(id: u32): Node {
  const node = nodeAt(id);
  if (node.firstEdge !== 0) return node;
  stagedCount = 0;
  const module = changetype<Module>(node.module);
  if (node.table === table.functions) stageFunction(module, scanNode(id));
  else stagePointers(module, node.start, node.end);
  node.firstEdge = noEdges;
  if (stagedCount > 0) {
    const bytes = (<usize>stagedCount) << edgeBits;
    const place = allocate(bytes);
    memory.copy(place, staged, bytes);
    node.firstEdge = <u32>(place >> edgeBits);
  }
  node.endEdge = node.firstEdge + stagedCount;
  return node;
}

function stage(target: u32, call: i32): void {
  if (stagedCount === stagedRoom) {
    const room = max(stagedRoom * 2, firstRoom);
    staged = enlarge(staged, (<usize>stagedCount) << edgeBits, (<usize>room) << edgeBits);
    stagedRoom = room;
  }
  const place = staged + ((<usize>stagedCount) << edgeBits);
  store<u32>(place, target);
  store<i32>(place, call, 4);
  stagedCount++;
}

/** Calls come first, in the order of the code, and then what it mentions. */
function stageFunction(module: Module, node: Node): void {
  const end = node.endRecord;
  for (let each = node.firstRecord; each < end; each++) {
    const kind = record.kind(each);
    if (kind < Kind.call || kind > Kind.jumpThroughWord) continue;
    const target = record.address(each);
    const callee = kind <= Kind.jump ? calledAt(module, target) : pointeeAt(module, target);
    const isTail = kind === Kind.jump || kind === Kind.jumpThroughWord;
    if (callee !== nobody) stage(callee, <i32>(record.distance(each) * 2) + (isTail ? 1 : 0));
  }
  for (let each = node.firstRecord; each < end; each++) {
    const kind = record.kind(each);
    if (kind > Kind.load) continue;
    const target = record.address(each);
    if (target >= node.start && target < node.scanEnd) continue;
    stageReference(module, target, kind === Kind.load ? record.sizeBytes(each) : -1);
  }
}

function calledAt(module: Module, address: f64): i32 {
  return isCode(module, address) ? <i32>functionAt(module, address) : nobody;
}

/** Of an address that is taken, or at which so many bytes are read. */
function stageReference(module: Module, target: f64, readBytes: i32): void {
  const region = regionAt(module, target);
  if (region === null) return;
  if (region.isExecutable) {
    if (readBytes < 0 && mayBegin(module, target)) stage(functionAt(module, target), noCall);
    return;
  }
  if (!region.hasPointers) return;
  if (readBytes >= 0) {
    stagePointers(module, target, target + readBytes);
    return;
  }
  const start = objectStart(module, target);
  const end = objectEnd(module, target);
  const first = module.lowerBound(column.pointerPlaces, start);
  if (first >= module.length(column.pointerPlaces)) return;
  if (module.number(column.pointerPlaces, first) >= end) return;
  stage(findNode(module, table.objects, start, end), noCall);
}

function stagePointers(module: Module, start: f64, end: f64): void {
  const count = module.length(column.pointerPlaces);
  for (let index = module.lowerBound(column.pointerPlaces, start); index < count; index++) {
    if (module.number(column.pointerPlaces, index) >= end) return;
    const target = pointee(module, index);
    if (target !== nobody) stage(target, noCall);
  }
}

/** What the word at `place` points to. */
function pointeeAt(module: Module, place: f64): i32 {
  const index = module.lowerBound(column.pointerPlaces, place);
  if (index >= module.length(column.pointerPlaces)) return nobody;
  return module.number(column.pointerPlaces, index) === place ? pointee(module, index) : nobody;
}

/** What a pointer leads to. What is bound once stays; what is not may be when more is loaded. */
export function pointee(module: Module, index: i32): i32 {
  const place = module.place(column.pointees) + ((<usize>index) << 2);
  const known = load<i32>(place);
  if (known >= 0) return known;
  const isLocal = known === unresolved.local || known === unresolved.resolver;
  const found = isLocal
    ? nodeAround(module, module.number(column.pointerTargets, index), 0)
    : bind(module.index, index);
  if (found === nobody) return nobody;
  if (known === unresolved.resolver) nodeAt(found).isResolver = true;
  store<i32>(place, found);
  return found;
}

/** The function at an address, or the object that has it, whose size may be known. */
export function nodeAround(module: Module, address: f64, sizeBytes: f64): i32 {
  const region = regionAt(module, address);
  if (region === null) return nobody;
  if (region.isExecutable) return mayBegin(module, address) ? <i32>functionAt(module, address) : nobody;
  if (sizeBytes > 0) return findNode(module, table.symbols, address, address + sizeBytes);
  return findNode(module, table.objects, objectStart(module, address), objectEnd(module, address));
}

/** In a program at fixed addresses a number may look like an address in the middle of a function. */
function mayBegin(module: Module, address: f64): bool {
  if (!mayBeCode(module, address)) return false;
  if (!module.isFixed) return true;
  const range = rangeIndex(module, column.functionStarts, address);
  if (range < 0) return true;
  // The unwind entry of the signal return trampoline begins one byte before it.
  const start = module.number(column.functionStarts, range);
  return start === address || start === address - 1;
}
