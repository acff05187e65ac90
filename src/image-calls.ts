// SPDX-License-Identifier: MIT
/** Which of the calls that an inspection found can be made in an image: for its mask and for its kernel alike. */

interface FoundCall {
  readonly layers: readonly string[];
}

/** `interp`: of a dynamic program, whose libraries are in the image with it. */
interface FoundCalls<Call extends FoundCall> {
  readonly target: { readonly interp?: string | undefined };
  readonly syscalls: readonly Call[];
}

/** A static program finds none of the host's libraries in its image: what only they would call is left out. */
export function callsInImage<Call extends FoundCall>({
  target,
  syscalls,
}: FoundCalls<Call>): readonly Call[] {
  if (target.interp !== undefined) return syscalls;
  return syscalls.filter(({ layers }) => layers.some((layer) => layer !== "dlopen"));
}

/** The first way that was found to a call, from its root on; undefined when there is none. */
export function firstChain([first]: readonly {
  readonly root: string;
  readonly chain: readonly string[];
}[]): string | undefined {
  return first && [first.root, ...first.chain].join(" → ");
}
