// SPDX-License-Identifier: MIT
/** A Markdown table; the first column is left-aligned, numbers to the right. */
export function formatTable(head, rows) {
  const align = head.map((_, column) => {
    const isNumber = rows.every((row) => /^[\d.]+(?: %)?$/.test(String(row[column])));
    return isNumber ? "---:" : "---";
  });
  return [head, align, ...rows].map((row) => `| ${row.join(" | ")} |\n`).join("");
}
