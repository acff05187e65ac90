// SPDX-License-Identifier: MIT
/** What src/inspect/machine-code.ts calls, and what tests look at: the decoder by itself. */
export { answer, open, reserve } from "./code";
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
export { plainLength } from "./plain";
export { scan } from "./scan";
export { absoluteAddresses, calledOutside, relativeAddresses } from "./sweep";
