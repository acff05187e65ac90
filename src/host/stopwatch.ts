// SPDX-License-Identifier: MIT
/** How long the passes of a job take. */

export interface Stopwatch {
  /** Adds the time since the last lap, or the start, to what has this name. */
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
      laps[name] = (laps[name] ?? 0) + Math.round(now - last);
      last = now;
    },
    totalMs: () => ({ ...laps, total: Math.round(performance.now() - start) }),
  };
}
