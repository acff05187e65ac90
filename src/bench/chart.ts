// SPDX-License-Identifier: MIT
/** Bars as inline SVG: a bar a variant, its figure beside it, and its spread as a whisker. */

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** Half the length of the whisker. */
  readonly spread: number;
  readonly text: string;
  /** Which of the page's colours. */
  readonly colour: number;
}

const width = 420;
const rowHeight = 22;
const barHeight = 14;
const labelWidth = 110;
const textWidth = 100;

export function barChart(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value, spread }) => value + spread), Number.MIN_VALUE);
  const length = (value: number) => ((width - labelWidth - textWidth) * Math.max(value, 0)) / most;
  const rows = bars.map((bar, index) => row(bar, index * rowHeight, length));
  const height = bars.length * rowHeight;
  return `<svg role="img" aria-label="${escapeMarkup(title)}" viewBox="0 0 ${width} ${height}">${rows.join("")}</svg>`;
}

function row(
  { label, value, spread, text, colour }: Bar,
  top: number,
  length: (value: number) => number,
): string {
  const middle = top + rowHeight / 2;
  const end = labelWidth + length(value);
  const [low, high] = [labelWidth + length(value - spread), labelWidth + length(value + spread)];
  const whisker =
    spread === 0
      ? ""
      : `<path class="whisker" d="M${round(low)} ${middle}H${round(high)}M${round(high)} ${middle - 3}v6M${round(low)} ${middle - 3}v6"/>`;
  return [
    `<text x="${labelWidth - 6}" y="${middle + 4}" class="label">${escapeMarkup(label)}</text>`,
    `<rect class="c${colour}" x="${labelWidth}" y="${middle - barHeight / 2}" width="${round(length(value))}" height="${barHeight}"/>`,
    whisker,
    `<text x="${round(Math.max(end, high) + 6)}" y="${middle + 4}">${escapeMarkup(text)}</text>`,
  ].join("");
}

function round(value: number): string {
  return String(Math.round(10 * value) / 10);
}

export function escapeMarkup(text: string): string {
  const names: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot" };
  return text.replaceAll(/[&<>"]/g, (character) => `&${names[character]};`);
}
