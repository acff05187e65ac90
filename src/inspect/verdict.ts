// SPDX-License-Identifier: MIT
/** What the findings mean for a port: whether each mode can run the program, with what to do. */
import type { Inspection } from "./schema.js";

type Finding = Inspection["verdicts"]["unikernel"]["findings"][number];
type Verdict = Inspection["verdicts"]["unikernel"];

type Facts = Pick<
  Inspection,
  | "complete"
  | "features"
  | "files"
  | "libraries"
  | "missingLibraries"
  | "socketFamilies"
  | "target"
  | "undefinedSymbols"
  | "unknownSites"
> & {
  /** What of which file was passed over. */
  readonly problems: readonly { readonly name: string; readonly what: string }[];
};

export function describeVerdicts(facts: Facts): Inspection["verdicts"] {
  const shared = [
    ...buildFindings(facts),
    ...analysisFindings(facts),
    ...damageFindings(facts),
    ...featureFindings(facts),
    ...familyFindings(facts),
    ...fileFindings(facts),
    ...libraryFindings(facts),
  ];
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

function buildFindings({ missingLibraries, undefinedSymbols }: Facts): readonly Finding[] {
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
  return [...libraries, ...symbols];
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

function damageFindings({ problems }: Facts): readonly Finding[] {
  return problems.map(({ name, what }) => ({
    severity: "note",
    what: `a part of ${name} is damaged, which Linux does not look at`,
    evidence: what,
    fix: "nothing, if the program runs; else build the file again",
  }));
}

/** What the generic kernel leaves out, and what no image has. */
const featureNotes: Readonly<Record<string, readonly [what: string, fix: string]>> = {
  exec: ["a program that it executes has to be in the image", "put it there with --include"],
  "raw sockets": [
    "a raw socket needs a device: the generic kernel has the loopback device only",
    "add the options of the device with --kernel-option",
  ],
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
    const known = featureNotes[name];
    return known === undefined ? [] : [note(known[0], evidence, known[1])];
  });
}

/** Families of sockets that the generic kernel is without, with the option that brings each. */
const familyOptions: Readonly<Record<string, string>> = {
  AF_INET6: "CONFIG_IPV6",
  AF_PACKET: "CONFIG_PACKET",
  AF_KEY: "CONFIG_NET_KEY",
  AF_ALG: "CONFIG_CRYPTO_USER_API_SKCIPHER",
  AF_VSOCK: "CONFIG_VSOCKETS",
  AF_XDP: "CONFIG_XDP_SOCKETS",
  AF_CAN: "CONFIG_CAN",
  AF_TIPC: "CONFIG_TIPC",
  AF_RDS: "CONFIG_RDS",
  AF_BLUETOOTH: "CONFIG_BT",
};

function familyFindings({ socketFamilies }: Facts): readonly Finding[] {
  return socketFamilies.flatMap(({ name, evidence }) => {
    const option = familyOptions[name];
    const fix = `add --kernel-option ${option}=y if it is to be used`;
    return option === undefined ? [] : [note(`the generic kernel has no sockets of ${name}`, evidence, fix)];
  });
}

/** Kinds of which a program misses something without its files; without the others it uses defaults. */
const wantedKinds: readonly string[] = ["nss", "timezone", "certificates", "configuration"];

function fileFindings({ files }: Facts): readonly Finding[] {
  const wanted = files.filter(({ kind, path }) => wantedKinds.includes(kind) && path.startsWith("/etc/"));
  const absent = files.filter(({ kind, path }) => kind === "dlopen" && !path.startsWith("/"));
  const paths = wanted.map(({ path }) => path).join(" ");
  return [
    ...(wanted.length === 0
      ? []
      : [
          note(
            "files that it looks for are in no image by themselves",
            paths,
            "put them there with --include",
          ),
        ]),
    ...absent.map(({ path, evidence }) =>
      note(`${path}, which it may load by name, is not here`, evidence, "install it if it is to be used"),
    ),
  ];
}

function libraryFindings({ libraries }: Facts): readonly Finding[] {
  const onPaper = libraries.filter(
    ({ reason, boundSymbols }) => reason === "needed" && boundSymbols.length === 0,
  );
  return onPaper.map(({ path }) =>
    note(
      `${path} is loaded, and nothing of it is used`,
      "no symbol is bound from it",
      "link with -Wl,--as-needed",
    ),
  );
}

function note(what: string, evidence: string, fix: string): Finding {
  return { severity: "note", what, evidence, fix };
}
