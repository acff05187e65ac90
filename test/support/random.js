// SPDX-License-Identifier: MIT
/** Numbers for tests that damage files at random. JavaScript, because scripts/mutate-inspect.js uses them too. */

/**
 * Mulberry32: a small generator with a seed, so that a failure can be seen again.
 *
 * @param {number} seed
 * @returns {(below: number) => number}
 */
export function randomFrom(seed) {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
