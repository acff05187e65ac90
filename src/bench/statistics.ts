// SPDX-License-Identifier: MIT
/**
 * What repeated measurements say. Medians, because a busy host makes some of them far too high; the spread as the
 * median absolute deviation, for the same reason; and a ratio with a confidence interval that assumes no distribution.
 */

export interface Summary {
  readonly median: number;
  /** Median absolute deviation from the median, not scaled. */
  readonly deviation: number;
}

export interface Ratio {
  readonly value: number;
  /** Bounds of the 95 % confidence interval; equal to the value where each side is one exact figure. */
  readonly low: number;
  readonly high: number;
}

const resamples = 2000;
const confidence = 0.95;

/** Of at least one number. */
export function median(values: readonly number[]): number {
  return quantile(
    [...values].sort((left, right) => left - right),
    0.5,
  );
}

export function summarize(samples: readonly number[]): Summary {
  const middle = median(samples);
  return { median: middle, deviation: median(samples.map((sample) => Math.abs(sample - middle))) };
}

/**
 * The ratio of two medians, and by the percentile bootstrap (Efron and Tibshirani, 1993, chapter 13) how far it could
 * be another one. The same samples and seed give the same interval.
 */
export function ratioOf(samples: readonly number[], reference: readonly number[], seed: number): Ratio {
  const value = median(samples) / median(reference);
  if (samples.length === 1 && reference.length === 1) return { value, low: value, high: value };
  const random = randomNumbers(seed);
  const ratios = Array.from(
    { length: resamples },
    () => median(resample(samples, random)) / median(resample(reference, random)),
  ).sort((left, right) => left - right);
  const tail = (1 - confidence) / 2;
  return { value, low: quantile(ratios, tail), high: quantile(ratios, 1 - tail) };
}

/** Between two of the sorted values linearly: definition 7 of Hyndman and Fan (1996). */
export function quantile(sorted: readonly number[], probability: number): number {
  const place = (sorted.length - 1) * probability;
  const below = Math.floor(place);
  const low = sorted[below];
  if (low === undefined) throw new RangeError("a quantile of nothing");
  const high = sorted[below + 1] ?? low;
  return low + (high - low) * (place - below);
}

function resample(samples: readonly number[], random: () => number): readonly number[] {
  return samples.map((sample) => samples[Math.floor(random() * samples.length)] ?? sample);
}

/** Numbers from 0 up to 1, the same for each seed: mulberry32. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
