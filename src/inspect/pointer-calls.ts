// SPDX-License-Identifier: MIT
/**
 * Who calls a function through a pointer: what a report needs when the function is a system call's wrapper whose number
 * its callers give. Two shapes are followed to the end: code that keeps the pointer in a register and calls it, and a
 * structure of pointers in a module's own data, called at the pointer's place in it.
 */

import { STT } from "../elf/constants.js";
import type { Graph, GraphNode } from "./graph.js";
import { FlowControl, type Instruction, Mnemonic, OpKind, Register } from "./iced.js";
import { type Module, pointersBetween } from "./module.js";
import { displacementOf, generalRegisters, registerIndex } from "./operands.js";
import type { Reach } from "./reach.js";
import { RecordKind } from "./records.js";
import { does } from "./scan.js";
import { lowerBound, upperBound } from "./sorted.js";
import type { MachineState } from "./state.js";
import type { Value } from "./values.js";

interface PointerCall {
  readonly node: GraphNode;
  readonly at: number;
  readonly tail: boolean;
  readonly state: MachineState;
}

export interface PointerCalls {
  readonly calls: readonly PointerCall[];
  /** Whether there are no others. */
  readonly closed: boolean;
}

/** RDI, RSI, RDX, RCX, R8, R9: what a call passes on (psABI 3.2.3). */
const argumentRegisters = [7, 6, 2, 1, 8, 9];

const largestStructureBytes = 4096;
/** In a module with more functions that call pointers, structures of pointers are too common to tell apart. */
const mostPointerCallers = 256;

/** `live` is all that can run. */
export function callsThroughPointers(graph: Graph, live: Reach, callee: GraphNode): PointerCalls {
  const holders = live.holdersOf(callee);
  const found = holders.map((holder) =>
    holder.kind === "function"
      ? callsByHolder(graph, holder, callee)
      : callsOfMember(graph, live, holder, callee),
  );
  return {
    calls: found.flatMap(({ calls }) => calls),
    // Nobody holds what the loader or the kernel calls.
    closed: holders.length > 0 && found.every(({ closed }) => closed),
  };
}

/** The calls in a function that reads or takes the pointer, and whether it keeps it to itself. */
function callsByHolder(graph: Graph, holder: GraphNode, callee: GraphNode): PointerCalls {
  const slots = slotsOf(graph, holder, callee);
  const isPointer = ({ inputs, constants }: Value) =>
    inputs.some((given) => given.kind === "static" && slots.has(given.address)) ||
    (callee.module === holder.module && constants.includes(callee.start));
  const calls: { readonly call: PointerCall; readonly register: number | undefined }[] = [];
  // Where paths meet, a value can be lost from sight, but not the register that it was in.
  const keepers = new Set<number>();
  let closed = true;
  graph.flow(holder).visit((at, instruction, state) => {
    for (let register = 0; register < generalRegisters; register++) {
      if (isPointer(state.register(register))) keepers.add(register);
    }
    if (isIndirect(instruction) && instruction.op0Kind === OpKind.Register) {
      const register = registerIndex(instruction.op0Register);
      const target = state.operand(instruction, 0);
      if (isPointer(target) || target.unknown)
        calls.push({ call: callAt(holder, at, instruction, state), register });
    }
    if (letsOut(instruction, state, slots, isPointer)) closed = false;
  });
  const own = calls.filter(({ register }) => register !== undefined && keepers.has(register));
  return { calls: own.map(({ call }) => call), closed };
}

/** The words with the pointer that a function reads. */
function slotsOf(graph: Graph, holder: GraphNode, callee: GraphNode): ReadonlySet<number> {
  const { module } = holder;
  const slots = new Set<number>();
  graph.eachReference(holder, (target, kind, sizeBytes) => {
    if (kind !== RecordKind.load) return;
    for (const slot of placesOf(graph, callee, module, target, target + sizeBytes)) slots.add(slot);
  });
  return slots;
}

/** The words in [start, end) that point to a node. */
function placesOf(
  graph: Graph,
  pointee: GraphNode,
  module: Module,
  start: number,
  end: number,
): readonly number[] {
  const { first, behind } = pointersBetween(module, start, end);
  const places: number[] = [];
  for (let pointer = first; pointer < behind; pointer++) {
    if (graph.targetOf(module, pointer) === pointee) places.push(module.pointers.places[pointer] as number);
  }
  return places;
}

/** Whether an instruction does more with the pointer than to move it between registers, compare it, or call it. */
function letsOut(
  instruction: Instruction,
  state: MachineState,
  slots: ReadonlySet<number>,
  isPointer: (value: Value) => boolean,
): boolean {
  const { flowControl, mnemonic } = instruction;
  if (flowControl === FlowControl.Call || flowControl === FlowControl.IndirectCall || leaves(instruction)) {
    return argumentRegisters.some((register) => isPointer(state.register(register)));
  }
  if (flowControl === FlowControl.Return) return isPointer(state.register(0));
  if (mnemonic === Mnemonic.Cmp || mnemonic === Mnemonic.Test) return false;
  const moves = mnemonic === Mnemonic.Mov && instruction.op0Kind === OpKind.Register;
  for (let operand = moves ? 2 : 0; operand < instruction.opCount; operand++) {
    const kind = instruction.opKind(operand);
    if (kind === OpKind.Register && operand > 0 && isPointer(state.operand(instruction, operand)))
      return true;
    // A vector load takes several words at once, and they are not followed from there.
    if (kind === OpKind.Memory && operand > 0 && readsSlot(instruction, slots)) return true;
  }
  return false;
}

function leaves({ flowControl }: Instruction): boolean {
  return flowControl === FlowControl.IndirectBranch || flowControl === FlowControl.UnconditionalBranch;
}

function readsSlot(instruction: Instruction, slots: ReadonlySet<number>): boolean {
  if (!instruction.isIpRelMemoryOperand) return false;
  const address = Number(instruction.ipRelMemoryAddress);
  return [...slots].some((slot) => slot > address - 64 && slot < address + 64);
}

/** The calls that can go through a member of a structure, in the code of its module. */
function callsOfMember(graph: Graph, live: Reach, structure: GraphNode, callee: GraphNode): PointerCalls {
  const { module, start, end } = structure;
  const places = placesOf(graph, callee, module, start, end);
  // Code may know the structure by the address of another member: each place where an object can begin is tried.
  const { boundaries } = module;
  const offsets = new Set(
    places.flatMap((place) => {
      const near = boundaries.subarray(
        lowerBound(boundaries, place - largestStructureBytes),
        upperBound(boundaries, place),
      );
      return [...near, start].map((begin) => place - begin);
    }),
  );
  const callers = live.functions({ module, does: does.callIndirectly | does.jumpIndirectly });
  if (callers.length > mostPointerCallers) return { calls: [], closed: false };
  const calls = callers.flatMap((node) => callsAtOffsets(graph, node, offsets, new Set(places)));
  return { calls, closed: !isExported(module, structure) };
}

function callsAtOffsets(
  graph: Graph,
  node: GraphNode,
  offsets: ReadonlySet<number>,
  places: ReadonlySet<number>,
): readonly PointerCall[] {
  const calls: PointerCall[] = [];
  const flow = graph.flow(node);
  flow.visit((at, instruction, state) => {
    if (!isIndirect(instruction) || (leaves(instruction) && flow.hasJumpTable)) return;
    const [only, ...others] = memberOffsets(instruction, state, places);
    const cannotBe = others.length === 0 && only !== undefined && !offsets.has(only);
    if (!cannotBe) calls.push(callAt(node, at, instruction, state));
  });
  return calls;
}

/** At which offset the called pointer was found; empty when that cannot be told. */
function memberOffsets(
  instruction: Instruction,
  state: MachineState,
  places: ReadonlySet<number>,
): readonly number[] {
  const elsewhere = Number.NaN;
  if (instruction.op0Kind === OpKind.Memory) {
    if (instruction.isIpRelMemoryOperand) return [elsewhere];
    const isIndexed = instruction.memoryIndex !== Register.None;
    return isIndexed || registerIndex(instruction.memoryBase) === undefined
      ? []
      : [displacementOf(instruction)];
  }
  const { inputs, constants, unknown, frame } = state.operand(instruction, 0);
  if (unknown || frame !== undefined || constants.length > 0) return [];
  const offsets = inputs.map((given) => {
    if (given.kind === "word" || given.kind === "behind static") return given.offset;
    return given.kind === "static" && !places.has(given.address) ? elsewhere : undefined;
  });
  return offsets.every((offset) => offset !== undefined) ? offsets : [];
}

function isIndirect({ flowControl }: Instruction): boolean {
  return flowControl === FlowControl.IndirectCall || flowControl === FlowControl.IndirectBranch;
}

function callAt(node: GraphNode, at: number, instruction: Instruction, state: MachineState): PointerCall {
  return { node, at, tail: leaves(instruction), state: state.copy() };
}

function isExported({ file }: Module, { start, end }: GraphNode): boolean {
  const { types, sections, values, sizes } = file.dynamicSymbolTable;
  return values.some((value, symbol) => {
    const isObject = types[symbol] === STT.OBJECT && (sections[symbol] as number) >= 0;
    return isObject && value < end && value + Math.max(sizes[symbol] as number, 1) > start;
  });
}
