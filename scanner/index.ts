// SPDX-License-Identifier: MIT
/** What src/inspect/scanner.ts and tables.ts call, and what tests look at: the decoder by itself. */
export { lastCallOf, noteCallers } from "./callers";
export { answer, nextRecord, open, reserve } from "./code";
export {
  address,
  decode,
  flow,
  hasImmediate,
  immediate,
  isPadding,
  length,
  named,
  site,
  sizeBytes,
  stores,
  takesAddress,
  target,
} from "./decode";
export { nodeAround, pointee, withEdges } from "./edges";
export { mentions } from "./mentions";
export { addModule, setColumn } from "./modules";
export { findNode, functionAt, nodeAt, scanNode } from "./nodes";
export { plainLength } from "./plain";
export {
  addToReach,
  countReached,
  entersGuarded,
  fromInReach,
  functionsReached,
  guard,
  holdersOf,
  isTakenInReach,
  markResolver,
  newReach,
  placeInReach,
  placesReached,
  spread,
  uniteReach,
} from "./reach";
export { survey, surveyedBytes, surveyedFrom } from "./survey";
export { absoluteAddresses, calledOutside, relativeAddresses } from "./sweep";
