// SPDX-License-Identifier: MIT
/** Features of a program that matter for a port, each with what shows it. */
import type { RuntimeNames } from "./runtime-names.js";
import type { Inspection } from "./schema.js";

type Feature = Inspection["features"][number];
type Call = Inspection["syscalls"][number];

/** Feature → the calls that show it. */
const featureCalls: Readonly<Record<string, readonly string[]>> = {
  fork: ["fork"],
  vfork: ["vfork"],
  exec: ["execve", "execveat"],
  "clone (threads or processes)": ["clone", "clone3"],
  io_uring: ["io_uring_setup"],
  "change of user or group": ["setuid", "setgid", "setresuid", "setresgid", "setgroups"],
  namespaces: ["unshare", "setns"],
  mounts: ["mount", "umount2", "pivot_root"],
  "kernel modules": ["init_module", "finit_module", "delete_module"],
  "tracing of processes": ["ptrace", "process_vm_readv"],
  BPF: ["bpf"],
};

export function describeFeatures(calls: readonly Call[], names: RuntimeNames): Inspection["features"] {
  return [...featuresOfCalls(calls), ...featuresOfNames(names)];
}

function featuresOfCalls(calls: readonly Call[]): readonly Feature[] {
  return Object.entries(featureCalls).flatMap(([name, wanted]) => {
    const call = calls.find((each) => wanted.includes(each.name) && each.layers.includes("main"));
    return call === undefined ? [] : [{ name, evidence: `${call.name}: ${chainOf(call)}` }];
  });
}

function chainOf({ evidence: [first] }: Call): string {
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
