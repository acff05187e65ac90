// SPDX-License-Identifier: MIT
/** What the findings mean for a port: whether each mode can run the program, with what to do. */
import type { Inspection } from "./schema.js";

type Finding = Inspection["verdicts"]["unikernel"]["findings"][number];
type Verdict = Inspection["verdicts"]["unikernel"];

type Facts = Pick<
  Inspection,
  "complete" | "features" | "unknownSites" | "missingLibraries" | "undefinedSymbols" | "target"
>;

export function describeVerdicts(facts: Facts): Inspection["verdicts"] {
  const shared = [...buildFindings(facts), ...analysisFindings(facts), ...featureFindings(facts)];
  return { unikernel: verdict([...shared, ring0]), classic: verdict(shared) };
}

const ring0: Finding = {
  severity: "note",
  what: "there is no wall between the program and the kernel",
  evidence: "in unikernel mode it runs in ring 0",
  fix: "run one application in one virtual machine",
};

function verdict(findings: readonly Finding[]): Verdict {
  const obstacle = findings.some(({ severity }) => severity === "obstacle");
  const outcome = obstacle ? "will not work" : findings.length > 0 ? "works with notes" : "works";
  return { outcome, findings: [...findings] };
}

function buildFindings({ target, missingLibraries, undefinedSymbols }: Facts): readonly Finding[] {
  const libraries = missingLibraries.map(
    ({ name, neededBy }): Finding => ({
      severity: "obstacle",
      what: `the library ${name} is missing`,
      evidence: `${neededBy} needs it`,
      fix: "install the package that has it",
    }),
  );
  const symbols = undefinedSymbols.map(
    ({ name, neededBy }): Finding => ({
      severity: "obstacle",
      what: `the symbol ${name} is undefined`,
      evidence: `${neededBy} needs it`,
      fix: "name the library that defines it with -l, and its directory with -L",
    }),
  );
  const missing = [...libraries, ...symbols];
  if (target.interp === undefined) return missing;
  const dynamic: Finding = {
    severity: "obstacle",
    what: "images of dynamically linked programs are not built yet",
    evidence: `it asks for the interpreter ${target.interp}`,
    fix: "link it with -static or -static-pie",
  };
  return [...missing, dynamic];
}

function analysisFindings({ complete, unknownSites }: Facts): readonly Finding[] {
  const [first] = unknownSites.filter(({ reached }) => reached);
  if (complete || first === undefined) return [];
  return [
    {
      severity: "note",
      what: "the list of system calls is no guarantee",
      evidence: `${first.library}:${first.symbol} at ${first.offset}: ${first.reason}`,
      fix: "use --mode strict where a call too few does harm, and --trace to see what happens",
    },
  ];
}

/** What the generic kernel leaves out, and what no image has. */
const featureNotes: Readonly<Record<string, readonly [what: string, fix: string]>> = {
  io_uring: ["the generic kernel has no io_uring", "add --kernel-option CONFIG_IO_URING=y"],
  namespaces: ["the generic kernel has no namespaces", "add --kernel-option CONFIG_NAMESPACES=y"],
  "kernel modules": [
    "the kernel takes no modules",
    "build what they do into the kernel with --kernel-option",
  ],
  BPF: ["the generic kernel has no BPF system call", "add --kernel-option CONFIG_BPF_SYSCALL=y"],
  "dlopen by computed name": [
    "libraries that are loaded at run time by a computed name are not in this report",
    "run it with --trace to see which",
  ],
  "dlsym by computed name": [
    "functions that are looked up at run time by a computed name may not be in this report",
    "run it with --trace to see what they call",
  ],
};

function featureFindings({ features }: Facts): readonly Finding[] {
  return features.flatMap(({ name, evidence }) => {
    const note = featureNotes[name];
    return note === undefined ? [] : [{ severity: "note" as const, what: note[0], evidence, fix: note[1] }];
  });
}
