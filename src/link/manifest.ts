// SPDX-License-Identifier: MIT
/** Describes an image for its manifest note, from what is known before the last link. */
import { basename } from "node:path";
import { PF, PT } from "../elf/constants.js";
import type { ElfFile } from "../elf/file.js";
import { sha256 } from "../host/files.js";
import type { Manifest } from "../manifest.js";
import type { Machine } from "../rootfs/machine.js";
import type { LaunchedProcess } from "../rootfs/root.js";

/** Everything named here is part of the image's bytes: no path, time or name of the building machine. */
export interface ImageDescription {
  readonly configuration: {
    readonly mode: Manifest["mode"];
    readonly ring0: { readonly programs: readonly string[] };
    readonly kernel: { readonly symbols: readonly string[] };
    readonly run: {
      readonly cpus?: number | undefined;
      readonly ports: readonly string[];
      readonly net?: string | undefined;
      readonly accelerator?: Manifest["run"]["accelerator"];
      readonly timeoutSeconds?: number | undefined;
      readonly hostname?: string | undefined;
    };
  };
  readonly kernel: Pick<Manifest["kernel"], "version" | "key" | "configurationDigest" | "compiler">;
  readonly choice: {
    readonly base: "special" | "generic";
    readonly options: readonly {
      readonly option: string;
      readonly value: string;
      readonly reasons: readonly { readonly name: string }[];
    }[];
  };
  readonly inputs: Manifest["inputs"];
  readonly application: ElfFile;
  readonly used: { readonly calls: ReadonlyMap<string, unknown>; readonly open?: string };
  readonly mask: {
    readonly decisions: ReadonlyMap<string, { readonly answer: string }>;
    readonly policy: NonNullable<Manifest["mask"]>["policy"];
    readonly notApplied?: string;
  };
  /** Of an image whose system call sites are bound. */
  readonly sites?: Manifest["sites"];
  readonly process: LaunchedProcess;
  readonly rootBytes: number;
  readonly copiedBytes: number;
  readonly memory: string;
  readonly machine?: Machine | undefined;
  readonly files: readonly { readonly path: string; readonly data: Uint8Array }[];
}

export function describeImage(description: ImageDescription): Manifest {
  const { configuration, kernel, choice, inputs, application, used, mask, process, files } = description;
  const { sites, rootBytes, copiedBytes, memory, machine } = description;
  const { version, key, configurationDigest, compiler } = kernel;
  return {
    schemaVersion: 1,
    tool: "uklkit",
    name: basename(process.path),
    mode: configuration.mode,
    kernel: { version, key, configurationDigest, compiler, ...describeChoice(choice) },
    inputs,
    application: { ...describeApplication(application, process.path), ...describeProcess(process) },
    systemCalls: { complete: used.open === undefined, names: [...used.calls.keys()] },
    mask: describeMask(mask),
    ...(sites === undefined ? {} : { sites }),
    arguments: [...process.args],
    environment: { ...process.environment },
    files: files.map((file) => ({ path: file.path, sha256: sha256(file.data) })),
    ring0Programs: [...configuration.ring0.programs],
    kernelSymbols: [...configuration.kernel.symbols],
    rootBytes,
    copiedBytes,
    run: { memory, ...describeRun(configuration.run) },
    ...(machine === undefined ? {} : { machine }),
  };
}

function describeProcess(process: LaunchedProcess) {
  const { path, leading, workingDirectory, user, accounts, stopSignal } = process;
  return {
    ...(leading.length === 1 && leading[0] === path ? {} : { leading: [...leading] }),
    ...(workingDirectory === undefined ? {} : { workingDirectory }),
    ...(accounts === undefined ? {} : { accounts }),
    ...(user === undefined ? {} : { user: { ...user, groups: [...user.groups] } }),
    ...(stopSignal === undefined ? {} : { stopSignal }),
  };
}

function describeRun(run: ImageDescription["configuration"]["run"]) {
  const { cpus, ports, net, accelerator, timeoutSeconds, hostname } = run;
  return {
    cpus: cpus ?? 1,
    ports: [...ports],
    ...(net === undefined ? {} : { net }),
    ...(accelerator === undefined || accelerator === "auto" ? {} : { accelerator }),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    ...(hostname === undefined ? {} : { hostname }),
  };
}

function describeMask({ decisions, policy, notApplied }: ImageDescription["mask"]): Manifest["mask"] {
  const masked = [...decisions].filter(([, { answer }]) => answer !== "kernel");
  const others = masked.filter(([, { answer }]) => answer !== policy);
  return {
    policy,
    masked: masked.length,
    others: Object.fromEntries(others.map(([name, { answer }]) => [name, answer])),
    ...(notApplied === undefined ? {} : { notApplied }),
  };
}

function describeChoice({ base, options }: ImageDescription["choice"]) {
  return {
    base,
    options: options.map(({ option, value, reasons }) => ({
      name: `CONFIG_${option}`,
      value,
      neededBy: reasons.map(({ name }) => name),
    })),
  };
}

function describeApplication(application: ElfFile, guestPath: string): Manifest["application"] {
  const { tls } = application;
  const segments = application.segments
    .filter((segment) => segment.type === PT.LOAD)
    .map((segment) => ({
      vaddr: hex(segment.vaddr),
      fileBytes: segment.filesz,
      memoryBytes: segment.memsz,
      flags: flagNames(segment.flags),
    }));
  const described = {
    guestPath,
    kind: application.kind === "shared" ? ("pie" as const) : ("executable" as const),
    entry: hex(application.entry),
    sizeBytes: application.bytes.length,
    sha256: sha256(application.bytes),
    segments,
  };
  if (tls === undefined) return described;
  return {
    ...described,
    tls: {
      vaddr: hex(tls.vaddr),
      fileBytes: tls.filesz,
      memoryBytes: tls.memsz,
      alignBytes: tls.align,
      tpOffset: -tls.tpOffset,
    },
  };
}

function flagNames(flags: number): string {
  return `${flags & PF.R ? "R" : "-"}${flags & PF.W ? "W" : "-"}${flags & PF.X ? "X" : "-"}`;
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
