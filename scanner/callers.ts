// SPDX-License-Identifier: MIT
/**
 * The other direction of the graph: the calls of each function, of those that are reached. A call is three words: who
 * calls, the edge along which, and the place of the call of the same function that was noted before.
 */
import { allocate } from "./code";
import { edge, withEdges } from "./edges";
import { nodeAt, table } from "./nodes";
import { Reach } from "./reach";

const callBytes: usize = 12;

/** Notes the calls of what is reached, and was not when they were noted before. */
export function noteCallers(reach: Reach): void {
  for (let index: u32 = 0; index < reach.count; index++) noteCalls(reach.nodeAt(index));
}

function noteCalls(id: u32): void {
  const node = withEdges(id);
  if (node.areCallsNoted || node.table !== table.functions) return;
  node.areCallsNoted = true;
  let count: usize = 0;
  for (let each = node.firstEdge; each < node.endEdge; each++) if (isCallOfFunction(each)) count++;
  let place = allocate(count * callBytes);
  for (let each = node.firstEdge; each < node.endEdge; each++) {
    if (!isCallOfFunction(each)) continue;
    const callee = nodeAt(edge.target(each));
    store<u32>(place, id);
    store<u32>(place, each, 4);
    store<u32>(place, <u32>callee.lastCall, 8);
    callee.lastCall = place;
    place += callBytes;
  }
}

function isCallOfFunction(index: u32): bool {
  return edge.isCall(index) && nodeAt(edge.target(index)).table === table.functions;
}

/** The place of the last call of a function, or 0. */
export function lastCallOf(id: u32): usize {
  return nodeAt(id).lastCall;
}
