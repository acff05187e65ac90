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

const width = 460;
const rowHeight = 22;
const barHeight = 14;
const characterWidth = 7;
const labelWidthMax = 200;
const textWidth = 100;

export function barChart(title: string, bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value, spread }) => value + spread), Number.MIN_VALUE);
  const longest = Math.max(...bars.map(({ label }) => label.length));
  const left = Math.min(characterWidth * (longest + 1), labelWidthMax);
  const place = (value: number) => left + ((width - left - textWidth) * Math.max(value, 0)) / most;
  const rows = bars.map((bar, index) => row(bar, index * rowHeight, place));
  const height = bars.length * rowHeight;
  return `<svg role="img" aria-label="${escapeMarkup(title)}" viewBox="0 0 ${width} ${height}">${rows.join("")}</svg>`;
}

function row(
  { label, value, spread, text, colour }: Bar,
  top: number,
  place: (value: number) => number,
): string {
  const middle = top + rowHeight / 2;
  const [left, end] = [place(0), place(value)];
  const [low, high] = [place(value - spread), place(value + spread)];
  const ends = [low, high].map((at) => `M${round(at)} ${middle - 3}v6`).join("");
  const whisker = `<path class="whisker" d="M${round(low)} ${middle}H${round(high)}${ends}"/>`;
  return [
    `<text x="${left - characterWidth}" y="${middle + 4}" class="label">${escapeMarkup(label)}</text>`,
    `<rect class="c${colour}" x="${left}" y="${middle - barHeight / 2}" width="${round(end - left)}" height="${barHeight}"/>`,
    spread === 0 ? "" : whisker,
    `<text x="${round(high + characterWidth)}" y="${middle + 4}">${escapeMarkup(text)}</text>`,
  ].join("");
}

function round(value: number): string {
  return String(Math.round(10 * value) / 10);
}

export function escapeMarkup(text: string): string {
  const names: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot" };
  return text.replaceAll(/[&<>"]/g, (character) => `&${names[character]};`);
}
