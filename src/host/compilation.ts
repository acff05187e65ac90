// SPDX-License-Identifier: MIT
/** When V8 compiles what it runs. */
import { setFlagsFromString } from "node:v8";

/** Bytes of bytecode that a function runs before it is optimised; V8 takes a sixth. */
const budgetBytes = 800_000;

/**
 * Leaves more functions unoptimised. An inspection of a second runs much code a few times: half of the processors' time
 * went into optimising it, on as many threads as there are, beside the one that was to be helped.
 */
export function optimiseLate(): void {
  setFlagsFromString(`--interrupt-budget=${budgetBytes}`);
}
