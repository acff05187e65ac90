// SPDX-License-Identifier: MIT
/** Features of a program that matter for a port, each with what shows it. */
import type { ConstantFeatures } from "./constant-features.js";
import type { Explain } from "./evidence.js";
import type { Explored } from "./explore.js";
import type { Graph } from "./graph.js";
import { functionFinder } from "./names.js";
import type { RuntimeNames } from "./runtime-names.js";
import type { Inspection } from "./schema.js";

type Feature = Inspection["features"][number];
type Call = Inspection["syscalls"][number];

/** Feature → the calls that show it. What clone, mmap and socket are used for, their arguments tell. */
const featureCalls: Readonly<Record<string, readonly string[]>> = {
  fork: ["fork"],
  vfork: ["vfork"],
  exec: ["execve", "execveat"],
  io_uring: ["io_uring_setup"],
  "change of user or group": [
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setgroups",
  ],
  namespaces: ["unshare", "setns"],
  mounts: ["mount", "umount2", "pivot_root"],
  "kernel modules": ["init_module", "finit_module", "delete_module"],
  "tracing of processes": ["ptrace", "process_vm_readv"],
  BPF: ["bpf"],
};

/** Feature → the functions that show it, where a flag of theirs cannot be told. */
const featureFunctions: Readonly<Record<string, readonly string[]>> = {
  threads: ["pthread_create", "thrd_create"],
  fork: ["fork", "_Fork", "forkpty"],
  vfork: ["vfork", "posix_spawn", "posix_spawnp", "system", "popen"],
};

interface Findings {
  readonly calls: readonly Call[];
  readonly constants: ConstantFeatures;
  readonly explain: Explain;
}

/** Each feature once, with the evidence that is found first. */
export function describeFeatures(
  graph: Graph,
  { reaches, runtimeNames }: Explored,
  { calls, constants, explain }: Findings,
): Inspection["features"] {
  const find = functionFinder(graph);
  const functions = Object.entries(featureFunctions).flatMap(([name, wanted]): readonly Feature[] => {
    const node = wanted.flatMap((each) => find(each) ?? []).find((each) => reaches.main.has(each));
    return node === undefined ? [] : [{ name, evidence: explain(node) }];
  });
  const all = [
    ...constants.features,
    ...functions,
    ...featuresOfCalls(calls),
    ...featuresOfNames(runtimeNames),
  ];
  const first = new Map<string, Feature>();
  for (const feature of all) if (!first.has(feature.name)) first.set(feature.name, feature);
  return [...first.values()];
}

function featuresOfCalls(calls: readonly Call[]): readonly Feature[] {
  return Object.entries(featureCalls).flatMap(([name, wanted]) => {
    const call = calls.find((each) => wanted.includes(each.name) && each.layers.includes("main"));
    return call === undefined ? [] : [{ name, evidence: `${call.name}: ${chainOf(call)}` }];
  });
}

/** A chain from `main` says more than one from start-up. */
function chainOf({ evidence }: Call): string {
  const first = evidence.find(({ root }) => root === "main") ?? evidence[0];
  return first === undefined ? "" : [first.root, ...first.chain].join(" → ");
}

function featuresOfNames({ libraries, openLibraries, openFunctions }: RuntimeNames): readonly Feature[] {
  const named = libraries.map(({ name, evidence }) => `${name} (${evidence})`);
  const features = [
    { name: "dlopen", places: named },
    { name: "dlopen by computed name", places: openLibraries },
    { name: "dlsym by computed name", places: openFunctions },
  ];
  return features.flatMap(({ name, places }) =>
    places.length === 0 ? [] : [{ name, evidence: shorten([...new Set(places)]) }],
  );
}

const shownPlaces = 4;

function shorten(places: readonly string[]): string {
  const more = places.length - shownPlaces;
  return places.slice(0, shownPlaces).join(", ") + (more > 0 ? `, and ${more} more` : "");
}
