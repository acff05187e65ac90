// SPDX-License-Identifier: MIT
/** Every form of one fixed report. */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { formatHtml } from "../../src/bench/html.js";
import { benchJsonSchema, parseReport, type Report } from "../../src/bench/schema.js";
import { formatMarkdown, formatReport } from "../../src/bench/text.js";
import { packageFile } from "../../src/host/places.js";

let text: string;
let report: Report;
let html: string;

beforeAll(async () => {
  text = await readFile(new URL("report.json", import.meta.url), "utf8");
  report = parseReport(text);
  html = formatHtml(report, await readFile(packageFile("bench", "report.css"), "utf8"));
});

describe("schema", () => {
  test("a report is its own JSON", () => {
    expect(report).toEqual(JSON.parse(text));
  });

  test("what is no report is refused", () => {
    for (const change of [{ schemaVersion: 2 }, { variants: [] }, { runs: 0 }, { more: 1 }])
      expect(() => parseReport(JSON.stringify({ ...report, ...change }))).toThrow();
  });

  test("the published one is this one", async () => {
    const published = await readFile(packageFile("docs", "bench.schema.json"), "utf8");
    expect(JSON.parse(published)).toEqual(JSON.parse(JSON.stringify(benchJsonSchema())));
  });
});

describe("HTML", () => {
  test("is well-formed", () => {
    expect(openElements(html)).toEqual([]);
  });

  test("refers to nothing outside itself", () => {
    expect(html).not.toMatch(/https?:|\/\/|<script|<link|<img|<iframe|@import|url\(|\ssrc=|\shref=|\son\w+=/);
  });

  test("reads well in the light and in the dark", () => {
    expect(html).toContain("color-scheme: light dark");
    expect(html).toContain("prefers-color-scheme: dark");
  });

  test("shows names as they are, not as markup", () => {
    for (const name of ["a &lt;b&gt; &amp; &quot;c&quot;", "start &amp; &lt;main&gt;", "no &lt;driver&gt;"])
      expect(html).toContain(name);
    expect(html).not.toMatch(/<(?:b|c|main|driver|6\.1)>/);
  });

  test("has a chart a metric, with a bar a figure in proportion to it", () => {
    const charts = html.split("<svg").slice(1);
    const widths = charts.map((chart) =>
      [...chart.matchAll(/<rect[^>]* width="([\d.]+)"/g)].map(([, width]) => Number(width)),
    );
    expect(widths.map(({ length }) => length)).toEqual([2, 3]);
    const [unikernel = 0, classic = 1] = widths[0] ?? [];
    expect(unikernel / classic).toBeCloseTo(420 / 500, 2);
    // A whisker where there is a spread.
    expect(charts[0]?.match(/class="whisker"/g)).toHaveLength(1);
  });
});

describe("text", () => {
  test("has figures with spread and ratio, what is missing and why, and what differs", () => {
    const lines = formatReport(report).split("\n");
    const line = (start: string) => lines.find((each) => each.trimStart().startsWith(start)) ?? "";
    expect(line("start & <main>")).toMatch(
      /ms, emulated +420 ms ±20 ms +0\.84× \(0\.80–1\.00\) +500 ms ±0 +–$/,
    );
    expect(line("null (getppid)")).toMatch(/instructions +99 +0\.48× +207 +1\.50 M +7246\.40×$/);
    expect(line("vmlinuz: it has no <driver>")).toContain("start & <main>");
    const differing = lines.slice(lines.indexOf("  - ring"));
    expect(differing.slice(0, 4)).toEqual([
      "  - ring",
      "    - unikernel: 0",
      "    - classic: 3",
      "    - vmlinuz: 3",
    ]);
    const common = lines.slice(lines.indexOf("  - the same in all"));
    expect(common[1]).toBe("    - memory: 128M");
  });

  test("Markdown tables have as many cells in each row", () => {
    const tables = formatMarkdown(report, 3)
      .split("\n\n")
      .filter((block) => block.startsWith("|"));
    expect(tables).toHaveLength(2);
    for (const table of tables) {
      const counts = table
        .trim()
        .split("\n")
        .map((row) => row.replaceAll("\\|", "").split("|").length);
      expect(new Set(counts).size).toBe(1);
    }
  });
});

/** The elements that a document opens and does not close, in the right order; the first wrong end tag too. */
function openElements(document: string): readonly string[] {
  const open: string[] = [];
  const body = document.replace(/^<!DOCTYPE html>/, "").replace(/<style>[\s\S]*?<\/style>/, "");
  for (const [tag, slash, name = "", end] of body.matchAll(
    /<(\/?)([\w-]+)((?:\s[\w-]+="[^"<]*")*\s*\/?)>/g,
  )) {
    if (slash === "" && !end?.endsWith("/")) open.push(name);
    if (slash === "/" && open.pop() !== name) return [tag];
  }
  // Whatever is left of markup is none.
  const rest = body
    .replaceAll(/<\/?[\w-]+(?:\s[\w-]+="[^"<]*")*\s*\/?>/g, "")
    .replaceAll(/&(?:amp|lt|gt|quot);/g, "");
  return /[<>&]/.test(rest) ? [...open, rest] : open;
}
