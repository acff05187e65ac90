// SPDX-License-Identifier: MIT
/**
 * What it takes to divide a function into blocks (src/inspect/flow.ts): where instructions begin, where control may go
 * elsewhere, and which addresses they name, since a table of jumps can be there. Each jump, call and address gets a record.
 */
import { addRecord, allocate, code, nextRecord } from "./code";
import * as decoder from "./decode";
import { Flow, Memory } from "./decode";
import { plainLength } from "./plain";

/** The kind of a record of an address; the others are those of `Flow`. */
const addressKind: i32 = Flow.next;

/** How many bytes the last survey looked at: it may end behind the function, or before it when the code does. */
export let surveyedBytes: usize = 0;
/** Its first record. */
export let surveyedFrom: u32 = 0;

/** Looks at code from a distance from its start on. Returns a place with a byte for each of these: 1 where an instruction begins. */
export function survey(from: usize, sizeBytes: usize): usize {
  const begin = code.place + from;
  const limit = begin + sizeBytes;
  const start = code.start + <f64>from;
  const marks = allocate(sizeBytes);
  surveyedFrom = nextRecord();
  let at = begin;
  while (at < limit) {
    store<u8>(marks + (at - begin), 1);
    const plain = plainLength(at, code.end, true);
    if (plain > 0) {
      at += plain;
      continue;
    }
    if (!decoder.decode(at, code.end, start + <f64>(at - begin))) break;
    note(<u32>(at - begin));
    at += decoder.length;
  }
  surveyedBytes = at - begin;
  return marks;
}

function note(at: u32): void {
  const flow = decoder.flow;
  if (decoder.named !== Memory.none) addRecord(decoder.address, at, addressKind, decoder.length);
  if (flow === Flow.next || flow === Flow.trap || flow === Flow.site) return;
  const isDirect = flow === Flow.jump || flow === Flow.conditional;
  addRecord(isDirect ? decoder.target : NaN, at, flow, decoder.length);
}
