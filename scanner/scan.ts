// SPDX-License-Identifier: MIT
/**
 * What functions do, as far as one look at each of their instructions tells. The range of a function is read from its
 * first to its last byte: compilers put no data in between. Each call, system call and address that is mentioned gets a
 * record.
 */
import { addRecord, code, tell } from "./code";
import * as decoder from "./decode";
import { Flow, Memory, Site } from "./decode";
import { plainLength } from "./plain";

/** Kinds of records, which src/inspect/records.ts has too. */
export namespace Kind {
  export const address: i32 = 0;
  export const load: i32 = 1;
  export const store: i32 = 2;
  export const call: i32 = 3;
  export const jump: i32 = 4;
  export const callThroughWord: i32 = 5;
  export const jumpThroughWord: i32 = 6;
  /** And behind it those of the other sites. */
  export const firstSite: i32 = 7;
}

/** What a function does, of which one bit each tells. */
namespace Does {
  export const returns: u32 = 1;
  export const jumpIndirectly: u32 = 2;
  export const callIndirectly: u32 = 4;
  export const callSystem: u32 = 8;
}

/** No function is longer; a decoding that runs away stops here. */
const longestFunctionBytes = 1 << 22;
/** An entry of the procedure linkage table: `endbr64` and a jump. */
const longestStubBytes = 12;

/** What the last function does. */
export let does: u32 = 0;

/**
 * Scans the function at a distance from the start of the code, and returns how long it is. Its end is `bound`, or
 * where its flow ends: unless `exact`, that tells. Hand-written code can run on behind the end that its unwind table
 * gives; then that is part of it.
 */
export function scan(from: usize, bound: f64, exact: bool): i32 {
  const begin = code.place + from;
  const start = code.start + <f64>from;
  does = 0;
  let furthest = start;
  let mayRunOn = true;
  let end = begin;
  for (let at = begin; <i32>(at - begin) < longestFunctionBytes; at = end) {
    const address = start + <f64>(at - begin);
    if (address >= bound && !mayRunOn) break;
    const plain = plainLength(at, code.end, code.isFixed);
    if (plain > 0) {
      end = at + plain;
      mayRunOn = true;
      continue;
    }
    if (!decoder.decode(at, code.end, address)) break;
    end = at + decoder.length;
    note(<u32>(at - begin));
    const flow = decoder.flow;
    if (flow === Flow.jump || flow === Flow.conditional) {
      const target = decoder.target;
      if (target >= start && target < bound) furthest = max(furthest, target);
      else addRecord(target, <u32>(at - begin), Kind.jump, 0);
    }
    mayRunOn = !decoder.isPadding && (flow === Flow.next || flow === Flow.conditional || flow === Flow.site);
    if (!endsFlow(flow)) continue;
    const isStub = decoder.named === Memory.ripRelative && <i32>(at - begin) < longestStubBytes;
    if (isStub || address >= bound || (!exact && address >= furthest)) break;
  }
  tell(does);
  return <i32>(end - begin);
}

function note(at: u32): void {
  const flow = decoder.flow;
  const named = decoder.named;
  if (decoder.site !== Site.none) noteSite(at);
  else if (flow === Flow.call) addRecord(decoder.target, at, Kind.call, 0);
  else if (flow === Flow.return_) does |= Does.returns;
  else if (flow === Flow.indirectJump && named !== Memory.ripRelative) does |= Does.jumpIndirectly;
  else if (flow === Flow.indirectCall && named !== Memory.ripRelative) does |= Does.callIndirectly;
  if (named !== Memory.none) noteMemory(at);
  if (decoder.hasImmediate && decoder.immediate >= code.low && decoder.immediate < code.high)
    addRecord(decoder.immediate, at, Kind.address, 0);
}

function noteSite(at: u32): void {
  does |= Does.callSystem;
  addRecord(0, at, Kind.firstSite + decoder.site - Site.syscall, 0);
}

function noteMemory(at: u32): void {
  const named = decoder.named;
  const address = decoder.address;
  const flow = decoder.flow;
  if (named !== Memory.ripRelative && (address < code.low || address >= code.high)) return;
  const isBranch = flow === Flow.indirectJump || flow === Flow.indirectCall;
  if (isBranch && named !== Memory.indexed) {
    addRecord(address, at, flow === Flow.indirectJump ? Kind.jumpThroughWord : Kind.callThroughWord, 0);
  } else {
    const takes = decoder.takesAddress || named === Memory.indexed;
    addRecord(address, at, takes ? Kind.address : decoder.stores ? Kind.store : Kind.load, decoder.sizeBytes);
  }
}

/** Whether control never goes on behind the instruction. */
function endsFlow(flow: i32): bool {
  return (
    flow === Flow.return_ || flow === Flow.jump || flow === Flow.indirectJump || flow === Flow.undefined_
  );
}
