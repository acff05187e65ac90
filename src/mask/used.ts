// SPDX-License-Identifier: MIT
/** Which system calls the programs of an image make, put together from what was found of each. */

import { callsInImage, firstChain } from "../image-calls.js";

/** What the mask wants to know of an inspection. */
export interface InspectedCalls {
  readonly complete: boolean;
  /** `interp`: of a dynamic program, whose libraries are in the image. */
  readonly target: { readonly path: string; readonly interp?: string | undefined };
  readonly syscalls: readonly {
    readonly name: string;
    readonly layers: readonly string[];
    readonly evidence: readonly { readonly root: string; readonly chain: readonly string[] }[];
  }[];
  readonly unknownSites: readonly {
    readonly library: string;
    readonly symbol: string;
    readonly offset: string;
    readonly reached: boolean;
    readonly reason: string;
  }[];
  readonly undefinedSymbols: readonly { readonly name: string }[];
}

interface UsedCall {
  /** From a root to the function that makes it, or who else wants it. */
  readonly evidence: string;
  /** Whether it can be made before main. */
  readonly atStart: boolean;
  /** The kernel makes it in the program's name: no list or trace has to have it. */
  readonly byKernel?: true;
}

export interface UsedCalls {
  readonly calls: ReadonlyMap<string, UsedCall>;
  /** Why there may be more; undefined when these are all. */
  readonly open?: string;
}

/** The kernel makes this one in the program's name, after a signal stopped a call that waits (signal(7)). */
const madeByKernel = [
  "restart_syscall",
  { evidence: "the kernel itself", atStart: false, byKernel: true },
] as const;

/** `unread`: why there are programs in the image that nobody looked at. */
export function usedCalls(programs: readonly InspectedCalls[], unread?: string): UsedCalls {
  const calls = new Map<string, UsedCall>([madeByKernel]);
  for (const program of programs) {
    for (const { name, layers, evidence } of callsInImage(program)) {
      if (calls.has(name)) continue;
      const chain = firstChain(evidence);
      calls.set(name, {
        evidence: chain ?? "a call whose number is unknown",
        atStart: layers.includes("startup"),
      });
    }
  }
  const incomplete = programs.find(({ complete }) => !complete);
  const open = incomplete === undefined ? unread : whyOpen(incomplete);
  return open === undefined ? { calls } : { calls, open };
}

function whyOpen({ target, unknownSites, undefinedSymbols }: InspectedCalls): string {
  const [site] = unknownSites.filter(({ reached }) => reached);
  if (site !== undefined) {
    const { library, symbol, offset, reason } = site;
    return `the system call at ${offset} in ${library}:${symbol} can have any number: ${reason}`;
  }
  const names = undefinedSymbols.map(({ name }) => name).join(", ");
  return `${target.path} is not all there: ${names || "its calls are not all known"}`;
}
