// SPDX-License-Identifier: MIT
/** How long the passes of a job take. */

export interface Stopwatch {
  /** Gives the time since the last lap, or the start, a name. */
  lap(name: string): void;
  /** All laps and their total, in milliseconds. */
  totalMs(): Readonly<Record<string, number>> & { readonly total: number };
}

export function stopwatch(): Stopwatch {
  const start = performance.now();
  let last = start;
  const laps: Record<string, number> = {};
  return {
    lap(name) {
      const now = performance.now();
      laps[name] = Math.round(now - last);
      last = now;
    },
    totalMs: () => ({ ...laps, total: Math.round(performance.now() - start) }),
  };
}
