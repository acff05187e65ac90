// SPDX-License-Identifier: MIT
/** The text of the ukl.config.ts that says what a plan says. */
import { relative } from "node:path";
import { configurationOf } from "./configuration.js";
import type { Plan } from "./plan.js";

/** Paths below the project's directory are relative to it, as the file is in it. */
export function configurationText(plan: Plan, directory: string): string {
  const { files: _, ...rest } = configurationOf(plan);
  const hostPath = (path: string) =>
    path.startsWith(`${directory}/`) ? `./${relative(directory, path)}` : path;
  const program = hostPath(rest.program);
  const members = Object.entries({ ...rest, program }).filter(([, value]) => !isEmpty(value));
  return [
    'import { defineConfig } from "uklkit";\n\n',
    ...plan.because.map((reason) => comment("", `${plan.kind}: ${reason}`)),
    "export default defineConfig({\n",
    ...members.map(([name, value]) => `  ${name}: ${JSON.stringify(value)},\n`),
    "  files: {\n    include: {\n",
    ...plan.files.flatMap(({ title, because, paths }) => [
      comment("      ", `${title}: ${because}`),
      ...[...new Set(paths.map(wholePackage))].map(
        (path) => `      ${JSON.stringify(path)}: ${JSON.stringify(hostPath(path))},\n`,
      ),
    ]),
    "    },\n  },\n",
    ...(plan.ports.length === 0
      ? []
      : [`  run: { ports: ${JSON.stringify(plan.ports.map((port) => `${port}:${port}`))} },\n`]),
    "});\n",
    ...plan.steps.map((step) => comment("", `made by: ${[step.tool, ...step.args].join(" ")}`)),
    ...plan.notUnderstood.map((text) => comment("", `not understood: ${text}`)),
  ].join("");
}

/** People read packages, not their files. */
function wholePackage(path: string): string {
  return /^.*?\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? path;
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function comment(indent: string, text: string): string {
  return `${indent}// ${text.replaceAll(/\s+/g, " ")}\n`;
}
