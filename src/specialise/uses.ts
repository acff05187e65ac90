// SPDX-License-Identifier: MIT
/** What uses of the kernel a configuration and the files of an image tell, beside the programs themselves. */
import { pathsIn } from "./paths.js";
import type { Reason } from "./select.js";

export interface Circumstances {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cpus: number;
  /** Of the host, that lead to the guest. */
  readonly ports: readonly string[];
  /** Files that are no programs: scripts and data. */
  readonly texts: readonly { readonly path: string; readonly data: Uint8Array }[];
}

export function otherUses({ args, env, cpus, ports, texts }: Circumstances): readonly Reason[] {
  const places = [
    ...args.map((text) => ({ text, evidence: "an argument" })),
    ...Object.entries(env).map(([name, text]) => ({ text, evidence: `the variable ${name}` })),
    ...texts.map(({ path, data }) => ({ text: Buffer.from(data).toString("latin1"), evidence: path })),
  ];
  const paths = places.flatMap(({ text, evidence }) =>
    pathsIn(text).map((name): Reason => ({ kind: "path", name, evidence })),
  );
  const features: Reason[] = [
    ...(cpus < 2 ? [] : [{ kind: "feature", name: "several CPUs", evidence: "run.cpus" } as const]),
    ...(ports.length === 0 ? [] : [{ kind: "feature", name: "ports", evidence: "run.ports" } as const]),
  ];
  return [...paths, ...features];
}
