// SPDX-License-Identifier: MIT
/** A plan as people read it, before anything is built. */
import { formatCommand } from "../host/exec.js";
import { fileSizes } from "../host/project-files.js";
import type { Plan } from "./plan.js";

export function formatPlan(plan: Plan): string {
  const { kind, place, because, runtime, steps, program, args, environment, workingDirectory, files } = plan;
  const lines: (readonly [string, string])[] = [
    ["kind", kind],
    ...because.map((reason) => ["because", reason] as const),
    ...(runtime === undefined
      ? []
      : [["runtime", `${runtime.title} ${runtime.version ?? ""} (${runtime.origin})`] as const]),
    ...steps.map((step) => ["made by", formatCommand(step)] as const),
    ["command", formatCommand({ tool: program, args, env: environment })],
    ["in", workingDirectory],
    ...files.map(
      ({ title, because: reason, paths }) => ["files", `${title}: ${sizeOf(paths)}; ${reason}`] as const,
    ),
    ...plan.ports.map((port) => ["port", `${port}, reached with -p ${port}:${port}`] as const),
    ...plan.notUnderstood.map((text) => ["not understood", text] as const),
  ];
  const shown = lines.map(([name, text], index) => {
    const label = lines[index - 1]?.[0] === name ? "" : name;
    return `  ${label.padEnd(15)}${text}\n`;
  });
  return `${place}\n${shown.join("")}`;
}

function sizeOf(paths: readonly string[]): string {
  const sizes = paths.flatMap(fileSizes);
  const bytes = sizes.reduce((sum, each) => sum + each, 0);
  const size = bytes < 1 << 20 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return `${sizes.length} ${sizes.length === 1 ? "file" : "files"}, ${size}`;
}
