// SPDX-License-Identifier: MIT
/** What uses of the kernel a configuration and the files of an image tell, beside the programs themselves. */
import { pathsIn } from "./paths.js";
import type { Reason } from "./select.js";

export interface Circumstances {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly run: {
    readonly cpus?: number | undefined;
    /** Of the host, that lead to the guest. */
    readonly ports: readonly string[];
    readonly volumes: Readonly<Record<string, unknown>>;
    readonly disks: Readonly<Record<string, unknown>>;
  };
  /** Whether the application starts as root. */
  readonly isRoot: boolean;
  /** Whether a program of the image can make sockets of IP. */
  readonly usesSockets: boolean;
  /** Files that are no programs: scripts and data. */
  readonly texts: readonly { readonly path: string; readonly data: Uint8Array }[];
  /** Paths of files with extended attributes. */
  readonly withAttributes: readonly string[];
}

/** What is larger is no script and no configuration, whose paths somebody follows. */
const mostTextBytes = 64 << 20;

export function otherUses({
  args,
  env,
  run,
  isRoot,
  usesSockets,
  texts,
  withAttributes,
}: Circumstances): readonly Reason[] {
  const places = [
    ...args.map((text) => ({ text, evidence: "an argument" })),
    ...Object.entries(env).map(([name, text]) => ({ text, evidence: `the variable ${name}` })),
    ...texts
      .filter(({ data }) => data.length <= mostTextBytes)
      .map(({ path, data }) => ({ text: textOf(data), evidence: path })),
  ];
  const paths = places.flatMap(({ text, evidence }) =>
    pathsIn(text).map((name): Reason => ({ kind: "path", name, evidence })),
  );
  const evidence = "the start as another user";
  const asUser: readonly Reason[] = [
    { kind: "call", name: "setuid", evidence },
    ...(usesSockets ? [{ kind: "feature", name: "low ports of users", evidence } as const] : []),
  ];
  const attributes = withAttributes.map(
    (evidence): Reason => ({ kind: "feature", name: "extended attributes", evidence }),
  );
  return [...paths, ...machineUses(run), ...attributes, ...(isRoot ? [] : asUser)];
}

function machineUses({ cpus = 1, ports, volumes, disks }: Circumstances["run"]): readonly Reason[] {
  const features = [
    { name: "several CPUs", evidence: "run.cpus", isUsed: cpus > 1 },
    { name: "ports", evidence: "run.ports", isUsed: ports.length > 0 },
    { name: "volumes", evidence: "run.volumes", isUsed: Object.keys(volumes).length > 0 },
    { name: "a disk", evidence: "run.disks", isUsed: Object.keys(disks).length > 0 },
  ];
  return features
    .filter(({ isUsed }) => isUsed)
    .map(({ name, evidence }): Reason => ({ kind: "feature", name, evidence }));
}

function textOf(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.length).toString("latin1");
}
