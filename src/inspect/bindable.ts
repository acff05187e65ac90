// SPDX-License-Identifier: MIT
/**
 * Which system call instructions can become a call, and of the others why not.
 *
 * A call through an absolute address takes 7 bytes, SYSCALL 2. So the bytes come from the instruction that loads the
 * number, which the call's target knows or loads from the same place of the stack, or from a comparison behind, which
 * the target makes (kernel/patches: ukl_call). Instructions in between move to the front. The call stores its return address below the stack pointer,
 * where leaf functions may keep data (psABI 3.2.2, the red zone).
 */

import type { BindableSite, Bindings, LeftReason, LeftSite } from "./bindings.js";
import type { Graph, GraphNode } from "./graph.js";
import { Code, type Instruction, Mnemonic, OpKind, Register, RegisterExt } from "./iced.js";
import { regionAt } from "./module.js";
import { displacementOf, registerIndex } from "./operands.js";
import type { Reach } from "./reach.js";
import type { ResolvedSite } from "./sites.js";
import type { MachineState } from "./state.js";

/** `call *disp32`. */
const callBytes = 7;
const syscallBytes = 2;

/**
 * rt_sigreturn, which unwinders know by its bytes; clone, fork, vfork and clone3, which return twice; execve and
 * execveat, exit and exit_group, which do not.
 */
const returnElsewhere = new Set([15, 56, 57, 58, 59, 60, 231, 322, 435]);

/** What does not look at flags, and is the same anywhere. */
const movable = new Set([
  ...[Mnemonic.Mov, Mnemonic.Lea, Mnemonic.Xor, Mnemonic.Or, Mnemonic.And, Mnemonic.Add, Mnemonic.Sub],
  ...[Mnemonic.Movzx, Mnemonic.Movsx, Mnemonic.Movsxd, Mnemonic.Shl, Mnemonic.Shr],
]);
const mostMoved = 8;

/** Jumps by whether a result is an error: these see no difference between comparisons with -4095 and -4096. */
const errorJumps = new Set([Mnemonic.Ja, Mnemonic.Jae, Mnemonic.Jb, Mnemonic.Jbe]);
const comparedWith = new Set([-4096, -4095]);

/** What is to be known of an instruction. */
interface Step {
  readonly at: number;
  readonly end: number;
  /** The number it puts into RAX. */
  readonly loads: number | undefined;
  /** How far above RSP the word is that it puts into RAX. */
  readonly loadsWordAt: number | undefined;
  readonly movable: boolean;
  readonly comparesError: boolean;
  readonly jumpsOnError: boolean;
  readonly belowStack: boolean;
}

export interface LiveSites {
  readonly sites: readonly ResolvedSite[];
  readonly live: Reach;
  /** Of the modules. */
  readonly paths: readonly string[];
}

/** For each file with live sites. */
export function findBindings(graph: Graph, { sites, live, paths }: LiveSites): readonly Bindings[] {
  const nodes = Array.from(live.ids, (id) => graph.columns.node(id));
  const entries = new Set(nodes.map(({ module, start }) => placeKey(module, start)));
  const found = graph.modules.map((module) => ({
    path: paths[module.index] ?? module.name,
    bindable: [] as BindableSite[],
    left: [] as LeftSite[],
  }));
  const functions = new Map<GraphNode, FunctionSteps>();
  for (const resolved of sites) {
    const { node, site } = resolved;
    const known = functions.get(node) ?? readSteps(graph, node);
    functions.set(node, known);
    const isEntry = (at: number) => entries.has(placeKey(node.module.index, at));
    const result = bind(resolved, known, isEntry);
    const object = found[node.module.index];
    if (typeof result === "string") object?.left.push({ at: site.at, symbol: nameOf(node), reason: result });
    else object?.bindable.push(result);
  }
  return found.filter(({ bindable, left }) => bindable.length + left.length > 0);
}

function placeKey(module: number, start: number): string {
  return `${module}:${start}`;
}

function nameOf({ module, start }: GraphNode): string {
  for (const table of [module.file.symbolTable, module.file.dynamicSymbolTable]) {
    const symbol = table.values.indexOf(start);
    if (symbol >= 0) return table.nameOf(symbol);
  }
  return `0x${start.toString(16)}`;
}

interface FunctionSteps {
  readonly steps: ReadonlyMap<number, Step>;
  /** By where they end. */
  readonly endingAt: ReadonlyMap<number, Step>;
  readonly isTarget: (at: number) => boolean;
  readonly usesRedZone: boolean;
}

function readSteps(graph: Graph, node: GraphNode): FunctionSteps {
  const steps = new Map<number, Step>();
  const endingAt = new Map<number, Step>();
  const flow = graph.flow(node);
  flow.visit((at, instruction, state) => {
    const step = describeStep(at, instruction, state);
    steps.set(at, step);
    endingAt.set(step.end, step);
  });
  const targets = new Set(flow.leaders);
  return {
    steps,
    endingAt,
    isTarget: (at) => targets.has(at),
    usesRedZone: [...steps.values()].some(({ belowStack }) => belowStack),
  };
}

function describeStep(at: number, instruction: Instruction, state: MachineState): Step {
  const { mnemonic } = instruction;
  return {
    at,
    end: at + instruction.length,
    loads: loadedNumber(instruction),
    loadsWordAt: loadedWord(instruction),
    movable: isMovable(instruction),
    comparesError:
      mnemonic === Mnemonic.Cmp &&
      isRax(instruction.op0Register) &&
      instruction.op1Kind !== OpKind.Register &&
      instruction.op1Kind !== OpKind.Memory &&
      comparedWith.has(Number(BigInt.asIntN(32, BigInt(instruction.immediate(1))))),
    jumpsOnError: errorJumps.has(mnemonic),
    belowStack: accessesBelowStack(instruction, state),
  };
}

function isRax(register: Register): boolean {
  return register !== Register.None && RegisterExt.fullRegister(register) === Register.RAX;
}

function loadedNumber(instruction: Instruction): number | undefined {
  switch (instruction.code) {
    case Code.Mov_r32_imm32:
      return instruction.op0Register === Register.EAX ? instruction.immediate32 : undefined;
    case Code.Mov_rm64_imm32:
      return instruction.op0Register === Register.RAX ? Number(instruction.immediate32to64) : undefined;
    case Code.Xor_r32_rm32:
    case Code.Xor_rm32_r32:
      return instruction.op0Register === Register.EAX && instruction.op1Register === Register.EAX
        ? 0
        : undefined;
    default:
      return undefined;
  }
}

function loadedWord(instruction: Instruction): number | undefined {
  const { code, op0Register, memoryBase, memoryIndex } = instruction;
  if (code !== Code.Mov_r64_rm64 || op0Register !== Register.RAX) return undefined;
  const displacement = displacementOf(instruction);
  const isWord = memoryBase === Register.RSP && memoryIndex === Register.None && displacement >= 0;
  return isWord && instruction.segmentPrefix === Register.None ? displacement : undefined;
}

function isMovable(instruction: Instruction): boolean {
  if (!movable.has(instruction.mnemonic) || instruction.isIpRelMemoryOperand) return false;
  const registers = [instruction.op0Register, instruction.op1Register, instruction.op2Register];
  registers.push(instruction.memoryBase, instruction.memoryIndex);
  if (registers.some(isRax)) return false;
  const changesStack =
    instruction.op0Kind === OpKind.Register &&
    RegisterExt.fullRegister(instruction.op0Register) === Register.RSP;
  return !changesStack;
}

/** Whether it reads or writes what the stack pointer says is free. What cannot be told counts as below. */
function accessesBelowStack(instruction: Instruction, state: MachineState): boolean {
  const { memoryBase } = instruction;
  const index = registerIndex(memoryBase);
  if (index === undefined || instruction.mnemonic === Mnemonic.Nop) return false;
  const displacement = displacementOf(instruction);
  if (memoryBase === Register.RSP) return displacement < 0;
  const { frame } = state.register(index);
  const { frame: stack } = state.register(registerIndex(Register.RSP) ?? 0);
  if (frame !== undefined && stack !== undefined) return frame + displacement < stack;
  return memoryBase === Register.RBP && displacement < 0 && (frame !== undefined || stack === undefined);
}

function bind(
  { node, site, outcome, decisions }: ResolvedSite,
  code: FunctionSteps,
  isEntry: (at: number) => boolean,
): BindableSite | LeftReason {
  const { steps, endingAt, isTarget, usesRedZone } = code;
  if (site.kind !== "syscall") return "other instruction";
  if (decisions.some(({ number }) => returnElsewhere.has(number))) return "returns elsewhere";
  const syscall = steps.get(site.at);
  if (syscall === undefined || regionAt(node.module, site.at) === undefined) return "not followed";
  if (usesRedZone) return "red zone";
  const numbers = new Set(decisions.map(({ number }) => number));
  const [number] = numbers;
  const isKnown = outcome === "constant" && numbers.size === 1;
  const displaced = comparisonBehind(syscall, steps);
  const constant = isKnown ? loaderBefore(syscall, endingAt, number) : undefined;
  const word = constant === undefined ? wordBefore(syscall, endingAt) : undefined;
  const loader = constant ?? word;
  const from = loader?.at ?? syscall.at;
  const gained = loader === undefined ? 0 : loader.end - loader.at;
  const needsComparison = gained + syscallBytes < callBytes;
  if (needsComparison && displaced === undefined) return "too few bytes";
  const end = needsComparison && displaced ? displaced.end : syscall.end;
  const keptAt = loader?.end ?? syscall.at;
  const keptBytes = syscall.at - keptAt;
  if (end - from - keptBytes < callBytes) return "too few bytes";
  for (let at = from + 1; at < end; at++) if (isTarget(at) || isEntry(at)) return "jump target";
  const wordAt = word?.loadsWordAt;
  const asked = wordAt === undefined ? (isKnown ? { number } : {}) : { wordAt };
  return { at: from, sizeBytes: end - from, keptAt, keptBytes, ...asked };
}

/** The comparison behind the system call, when all that follows from it is whether there was an error. */
function comparisonBehind(syscall: Step, steps: FunctionSteps["steps"]): Step | undefined {
  const comparison = steps.get(syscall.end);
  if (comparison?.comparesError !== true) return undefined;
  return steps.get(comparison.end)?.jumpsOnError === true ? comparison : undefined;
}

/** The instruction right before that loads the number from the stack, and gives the bytes of a call. */
function wordBefore(syscall: Step, endingAt: FunctionSteps["endingAt"]): Step | undefined {
  const step = endingAt.get(syscall.at);
  const isLong = step !== undefined && step.end - step.at + syscallBytes >= callBytes;
  return isLong && step.loadsWordAt !== undefined ? step : undefined;
}

/** The instruction that loads the number, when all between it and the system call can go first. */
function loaderBefore(
  syscall: Step,
  endingAt: FunctionSteps["endingAt"],
  number: number | undefined,
): Step | undefined {
  let step = endingAt.get(syscall.at);
  for (let moved = 0; step !== undefined && moved <= mostMoved; moved++) {
    if (step.loads !== undefined) return step.loads === number ? step : undefined;
    if (!step.movable) return undefined;
    step = endingAt.get(step.at);
  }
  return undefined;
}
