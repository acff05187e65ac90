// SPDX-License-Identifier: MIT
/** Results as people read them. Pure: `cli.ts` prints what these return. */

import type { BuildResult } from "./build.js";
import type { Guest } from "./guests.js";
import type { Finding } from "./host/doctor.js";
import type { CachedKernel } from "./kernel/cache.js";
import type { Progress } from "./kernel/compile.js";
import { describe, type KernelChoice } from "./specialise/choose.js";
import type { PasstAbility } from "./vm/passt-ability.js";
import type { RunResult } from "./vm/run.js";

export function formatBuild({
  output,
  manifest,
  imageBytes,
  kernelChoice,
  notes,
  verdict,
  bzImage,
  timingsMs,
}: BuildResult): string {
  const { application, kernel, mode, systemCalls, mask, sites } = manifest;
  const { tls } = application;
  const lines = [
    `${output}: ${mode} image of ${application.guestPath}, ${formatBytes(imageBytes)}`,
    `  kernel   Linux ${kernel.version}, configuration ${kernel.configurationDigest.slice(0, 12)}, ${summarise(kernelChoice)}`,
    `  program  ${application.kind} of ${formatBytes(application.sizeBytes)}, entry ${application.entry}`,
    tls === undefined
      ? "  TLS      none"
      : `  TLS      ${tls.memoryBytes} bytes, aligned to ${tls.alignBytes}, from thread pointer ${tls.tpOffset}`,
    ...(systemCalls === undefined
      ? []
      : [
          `  calls    ${systemCalls.names.length} system calls${systemCalls.complete ? "" : ", perhaps more"}`,
        ]),
    ...(sites === undefined ? [] : [`  sites    ${formatSites(sites)}`]),
    ...(mask === undefined ? [] : [`  mask     ${formatMask(mask)}`]),
    ...(bzImage === undefined ? [] : [`  bzImage  ${bzImage}`]),
    `  time     ${Object.entries(timingsMs)
      .map(([name, ms]) => `${name} ${ms} ms`)
      .join(", ")}`,
  ];
  if (mode === "unikernel") lines.push("  note     the application runs in ring 0: SMEP and SMAP are off");
  lines.push(...[...notes, ...kernelChoice.notes].map((note) => `  note     ${note}`));
  const obstacles = verdict.findings.filter(({ severity }) => severity === "obstacle");
  lines.push(...obstacles.map(({ what, fix }) => `  warning  ${what}: ${fix}`));
  return `${lines.join("\n")}\n`;
}

function formatMask({
  policy,
  masked,
  others,
  notApplied,
}: NonNullable<BuildResult["manifest"]["mask"]>): string {
  if (notApplied !== undefined) return `none, because ${notApplied}; --mask POLICY applies one all the same`;
  const named = Object.entries(others).map(([name, answer]) => `${name}: ${answer}`);
  const rest = masked - named.length;
  const parts = [...(rest > 0 ? [`${rest} calls: ${policy}`] : []), ...named];
  return parts.length === 0 ? "none" : parts.join(", ");
}

function formatSites({ bound, left, shortcuts = [] }: NonNullable<BuildResult["manifest"]["sites"]>): string {
  const reasons = Object.entries(left).sort(([, one], [, other]) => other - one);
  const total = reasons.reduce((sum, [, count]) => sum + count, bound);
  const rest = reasons.map(([reason, count]) => `${count} ${reason}`).join(", ");
  return [
    `${bound} of ${total} system call instructions are calls${rest === "" ? "" : ` (others: ${rest})`}`,
    ...(shortcuts.length === 0 ? [] : [`shortcuts: ${shortcuts.join(", ")}`]),
  ].join("; ");
}

/** A line for each masked call that a run tried, and for each that was to be told at once. */
export function formatMasked(messages: RunResult["masked"]): string {
  return messages
    .map((message) =>
      message.kind === "tried"
        ? `ukl: masked call ${message.call} was tried ${message.count} times\n`
        : `ukl: ${message.program} at ${message.site} tried the masked call ${message.call}${message.kind === "killed" ? " and was killed" : ""}\n`,
    )
    .join("");
}

function summarise({ base, because, options }: KernelChoice): string {
  if (base === "generic") return because === undefined ? "generic" : `generic: ${because}`;
  return `special: ${options.length} options (--explain-kernel)`;
}

/** Each option with what asks for it, and how the application gets there. */
export function formatChoice({ options, notes }: KernelChoice): string {
  const lines = options.flatMap(({ option, value, reasons }) => [
    `CONFIG_${option}=${value}`,
    ...reasons.flatMap((reason) => [
      `  ${describe(reason)}`,
      ...(reason.evidence === undefined ? [] : [`    ${reason.evidence}`]),
    ]),
  ]);
  return [...lines, ...notes.map((note) => `note: ${note}`)].map((line) => `${line}\n`).join("");
}

export function formatKernels(
  kernels: readonly (CachedKernel & { readonly sizeBytes: number; readonly lastUsed: Date })[],
): string {
  if (kernels.length === 0) return "no kernels are cached\n";
  return kernels
    .map(({ key, mode, version, sizeBytes, lastUsed }) => {
      const columns = [key.slice(0, 12), mode.padEnd(9), version, formatBytes(sizeBytes).padStart(9)];
      return `${columns.join("  ")}  used ${lastUsed.toISOString().slice(0, 16)}\n`;
    })
    .join("");
}

export function formatFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ what }) => what.length));
  return findings
    .map(({ what, found, neededFor, debianPackage }) => {
      const state = found ?? `missing: Debian package ${debianPackage}`;
      return `${found === undefined ? "✗" : "✓"} ${what.padEnd(width)}  ${state} (${neededFor})\n`;
    })
    .join("");
}

/** What a guest's network can do here, as lines below the findings. */
export function formatNetwork({ alone, relay, relayed }: PasstAbility): string {
  const trial = relay === undefined ? alone : (relayed ?? alone);
  if (!trial.works) {
    return `✗ passt does not work: ${trial.reason}\n  QEMU's user network takes its place: over IPv4 alone, and it stalls for seconds under load\n`;
  }
  const heard = trial.greets
    ? `✓ a server in a guest that speaks first is heard${relay === undefined ? "" : ", with a relay in front of passt"}`
    : "✗ a server in a guest that speaks first is not heard over passt; QEMU's user network takes its place for TCP ports";
  const kept =
    trial.greets && relay === undefined
      ? "✗ some of what clients send fast is lost without the relay; QEMU's user network takes the place of passt for TCP ports\n"
      : "";
  return `${heard}\n${kept}✓ datagrams of up to ${trial.datagramBytes} bytes pass through passt, and larger ones are lost\n`;
}

/** One line, without an end of line. */
export function formatProgress({ step, fraction }: Progress): string {
  if (fraction === undefined) return step;
  const width = 30;
  const done = Math.round(fraction * width);
  const percent = `${Math.floor(fraction * 100)}`.padStart(3);
  return `${step} [${"#".repeat(done)}${".".repeat(width - done)}] ${percent} %`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

/** A table of guests that run by themselves. */
export function formatGuests(guests: readonly Guest[]): string {
  const rows = guests.map(({ name, state, exitStatus, mode, memory, ports, startedAt }) => [
    name,
    exitStatus === undefined ? state : `${state} ${exitStatus}`,
    mode,
    memory,
    ports.join(" ") || "-",
    startedAt.replace(/T(.+)\.\d+Z$/, " $1 UTC"),
  ]);
  const table = [["NAME", "STATE", "MODE", "MEMORY", "PORTS", "SINCE"], ...rows];
  const width = (column: number) => Math.max(...table.map((row) => row[column]?.length ?? 0));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(width(column)))
      .join("  ")
      .trimEnd();
  return table.map((row) => `${line(row)}\n`).join("");
}
