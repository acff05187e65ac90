// SPDX-License-Identifier: MIT
/** docs/kernel-options.md: the table of needs, for people. */
import type { Excuse, Need, NeedsTable } from "./needs.js";

const introduction = `# Kernel options

A special kernel (\`--kernel special\`, the default of \`ukl build\`) has what every image needs, and of the options below
those that the application uses. What it uses is what \`ukl inspect\` finds in it and in all programs and libraries of
\`files.include\`, and the paths in its arguments, its environment and the other files. \`--explain-kernel\` prints the
options of a build with the way to each use; they are in the image's manifest too.

- An image can run no programs but those that are in it. So what a program executes, or loads by a name that it
  computes, counts when it is in the image, and only then.
- Where a program was not understood (a system call's number stays unknown, or a file cannot be inspected), nothing is
  left out: the kernel is the generic one, with what was found beside. The same goes for an application that calls
  functions of the kernel (\`kernel.symbols\`), since what these need is not known; the build says so.
- A path that is put together from parts counts from its constant beginning on. One that comes from elsewhere, such as
  over the network, cannot be seen: \`kernel.options\` adds what it needs.
- \`kernel.options\` and \`--kernel-option\` win. What they add comes with its conditions; what they remove takes along
  what depends on it, and the build notes where the application uses that.
- Applications with the same options share one cached kernel. \`ukl build\` compiles a special kernel that is not in the
  cache, which takes minutes the first time. \`ukl run\` of a program boots the generic kernel meanwhile, if that is in
  the cache, and says so, and which of the options it lacks.

This file is generated from \`kernel/config/needs.json\` by \`npm run docs\`.
`;

export function formatNeeds({ needs, requires, withoutNeed, fixed }: NeedsTable): string {
  return [
    introduction,
    section("What asks for an option", ["option", "asked for by", "why"], needs.map(needRow)),
    section(
      "What an option needs itself",
      ["option", "needs"],
      requires.map((row) => [code(row.option), code(row.needs)]),
    ),
    section(
      "What asks for nothing",
      ["use", "in", "where one can see it", "why"],
      withoutNeed.map(excuseRow),
    ),
    section(
      "Calls that no option here decides about",
      ["calls", "why"],
      fixed.map(({ calls, reason }) => [codes(calls), reason]),
    ),
  ].join("\n");
}

function needRow({ options, always, calls, paths, families, features, reason }: Need): readonly string[] {
  const uses = [
    ...(always ? ["every application"] : []),
    ...(calls ? [`calls ${codes(calls)}`] : []),
    ...(paths ? [`paths ${codes(paths)}`] : []),
    ...(families ? [`sockets ${codes(families)}`] : []),
    ...(features ? [`features: ${features.join(", ")}`] : []),
  ];
  return [codes(options), uses.join("; "), reason];
}

function excuseRow({ calls, paths, functions, unlessCalls, source, reason }: Excuse): readonly string[] {
  const unless = unlessCalls ? `, in an image without ${codes(unlessCalls)}` : "";
  const place = `${functions ? codes(functions) : "any code"}${unless}`;
  return [codes([...(calls ?? []), ...(paths ?? [])]), place, source, reason];
}

function section(title: string, header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  return `## ${title}\n\n${line(header)}${line(header.map(() => "---"))}${rows.map(line).join("")}`;
}

function code(text: string): string {
  return `\`${text}\``;
}

function codes(texts: readonly string[]): string {
  return texts.map(code).join(" ");
}
