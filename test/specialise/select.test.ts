// SPDX-License-Identifier: MIT
import { describe, expect, test } from "vitest";
import { chooseKernel, settingsOf } from "../../src/specialise/choose.js";
import type { NeedsTable } from "../../src/specialise/needs.js";
import { isWithin, mayMatch, pathsIn } from "../../src/specialise/paths.js";
import { type ProgramUses, selectOptions } from "../../src/specialise/select.js";
import { otherUses } from "../../src/specialise/uses.js";

const table: NeedsTable = {
  needs: [
    { options: ["ALWAYS"], always: true, reason: "every program" },
    { options: ["CPUS", "COUNT=64"], calls: ["clone"], features: ["threads"], reason: "parallel" },
    { options: ["LOCKS"], calls: ["futex"], reason: "locks" },
    { options: ["SOCKETS"], calls: ["socket"], reason: "sockets" },
    { options: ["LOCAL"], families: ["AF_UNIX"], reason: "family" },
    { options: ["FILES"], paths: ["/proc/**"], reason: "files" },
    { options: ["MAPS"], paths: ["/proc/self/smaps"], reason: "maps" },
  ],
  requires: [
    { option: "LOCAL", needs: "SOCKETS" },
    { option: "SOCKETS", needs: "BUFFERS" },
    { option: "MAPS", needs: "FILES" },
    { option: "COUNT", needs: "CPUS" },
  ],
  withoutNeed: [
    { calls: ["futex"], functions: ["wait"], unlessCalls: ["clone"], source: "libc", reason: "alone" },
    { paths: ["/proc/stat"], functions: ["count"], source: "libc", reason: "an answer without it" },
  ],
  fixed: [],
};

function program(changes: Partial<ProgramUses> = {}): ProgramUses {
  const nothing = { unknownSites: [], syscalls: [], files: [], features: [], socketFamilies: [] };
  return { complete: true, target: { path: "server" }, ...nothing, ...changes };
}

function call(name: string, functions: readonly string[] = ["libc:f"], layers: readonly string[] = ["main"]) {
  return { name, functions, layers, evidence: [{ root: "main", chain: ["server:main", "libc:f"] }] };
}

function path(name: string, mentionedBy: readonly string[] = ["server:main"]) {
  return { path: name, evidence: "main → server:main", mentionedBy };
}

function names(...programs: ProgramUses[]): readonly string[] {
  return selectOptions(table, { programs, others: [] }).map(({ option }) => option);
}

describe("the options that programs need", () => {
  test("are those of the rows that their calls, paths and families are in, with what these require", () => {
    expect(names(program())).toEqual(["ALWAYS"]);
    expect(names(program({ syscalls: [call("socket")] }))).toEqual(["ALWAYS", "BUFFERS", "SOCKETS"]);
    expect(names(program({ socketFamilies: [{ name: "AF_UNIX", evidence: "" }] }))).toEqual([
      "ALWAYS",
      "BUFFERS",
      "LOCAL",
      "SOCKETS",
    ]);
    expect(names(program({ files: [path("/proc/meminfo")] }))).toEqual(["ALWAYS", "FILES"]);
  });

  test("are the same in whatever order the programs tell their uses", () => {
    const uses = [call("socket"), call("clone"), call("futex")];
    const reversed = program({ syscalls: [...uses].reverse() });
    expect(names(reversed)).toEqual(names(program({ syscalls: uses })));
    expect(names(program({ syscalls: [call("socket")] }), program({ syscalls: [call("clone")] }))).toEqual([
      "ALWAYS",
      "BUFFERS",
      "COUNT",
      "CPUS",
      "SOCKETS",
    ]);
  });

  test("come with who asks for them, and the way there", () => {
    const uses = { programs: [program({ syscalls: [call("socket")] })], others: [] };
    expect(selectOptions(table, uses).find(({ option }) => option === "SOCKETS")).toEqual({
      option: "SOCKETS",
      value: "y",
      reasons: [{ kind: "call", name: "socket", evidence: "main → server:main → libc:f" }],
    });
  });

  test("leave out what only libraries of the building machine would use", () => {
    expect(names(program({ syscalls: [call("socket", ["libc:f"], ["dlopen"])] }))).toEqual(["ALWAYS"]);
    expect(names(program({ syscalls: [call("socket", ["libc:f"], ["dlopen", "main"])] }))).toContain(
      "SOCKETS",
    );
  });
});

describe("what a library does without", () => {
  test("asks for nothing where the library alone has it", () => {
    expect(names(program({ files: [path("/proc/stat", ["libc:count.part.0"])] }))).toEqual(["ALWAYS"]);
    expect(names(program({ syscalls: [call("futex", ["libc:wait"])] }))).toEqual(["ALWAYS"]);
  });

  test("counts where another function has it too, or the function has no known name", () => {
    expect(names(program({ files: [path("/proc/stat", ["libc:count", "server:main"])] }))).toContain("FILES");
    expect(names(program({ files: [path("/proc/stat", [])] }))).toContain("FILES");
    expect(names(program({ syscalls: [call("futex", ["libc:wait", "server:lock"])] }))).toContain("LOCKS");
  });

  test("counts where any program of the image makes it matter", () => {
    const waits = program({ syscalls: [call("futex", ["libc:wait"])] });
    expect(names(waits, program({ syscalls: [call("clone")] }))).toContain("LOCKS");
  });
});

describe("the choice of a kernel", () => {
  const uses = { programs: [program({ syscalls: [call("socket"), call("clone")] })], others: [] };
  const choose = (configured: Record<string, string | number>) =>
    chooseKernel(table, { base: "special", uses, callsKernel: false, configured });

  test("turns off what the table has and nobody asked for; numbers are left to Kconfig", () => {
    const few = chooseKernel(table, {
      base: "special",
      uses: { programs: [], others: [] },
      callsKernel: false,
      configured: {},
    });
    const settings = settingsOf(table, few);
    expect(settings.get("ALWAYS")).toBe("y");
    expect(settings.get("LOCAL")).toBe("n");
    expect(settings.has("COUNT")).toBe(true);
    expect(settings.get("COUNT")).toBeUndefined();
  });

  test("is generic where a program is not understood, and has what was found all the same", () => {
    const unknownSites = [{ symbol: "helper", reached: true }];
    const unclear = program({
      complete: false,
      unknownSites,
      socketFamilies: [{ name: "AF_UNIX", evidence: "" }],
    });
    const choice = chooseKernel(table, {
      base: "special",
      uses: { programs: [unclear], others: [] },
      callsKernel: false,
      configured: {},
    });
    expect(choice.base).toBe("generic");
    expect(choice.because).toMatch(/server.*helper/);
    expect(settingsOf(table, choice).get("LOCAL")).toBe("y");
    expect([...settingsOf(table, choice).values()]).not.toContain("n");
  });

  test("is generic where the application calls the kernel, and where it is wished so", () => {
    const early = chooseKernel(table, { base: "special", uses, callsKernel: true, configured: {} });
    expect(early).toMatchObject({ base: "generic", because: expect.stringContaining("kernel.symbols") });
    const wished = chooseKernel(table, { base: "generic", uses, callsKernel: false, configured: {} });
    expect(wished).toEqual({ base: "generic", options: [], notes: [] });
  });

  test("has what the configuration adds, with its conditions", () => {
    const { options, notes } = choose({ CONFIG_LOCAL: "y", CONFIG_OTHER: 7 });
    const added = options.filter(({ reasons: [first] }) => first?.kind === "configuration");
    expect(added.map(({ option, value }) => `${option}=${value}`)).toEqual(["LOCAL=y", "OTHER=7"]);
    expect(notes).toEqual([]);
    const alone = chooseKernel(table, {
      base: "special",
      uses: { programs: [], others: [] },
      callsKernel: false,
      configured: { CONFIG_LOCAL: "y" },
    });
    expect(alone.options.map(({ option }) => option)).toEqual(["ALWAYS", "BUFFERS", "LOCAL", "SOCKETS"]);
  });

  test("loses what the configuration removes, with what depends on it, and notes what the program needs of it", () => {
    const { options, notes } = choose({ CONFIG_BUFFERS: "n", CONFIG_LOCKS: "n" });
    expect(options.map(({ option }) => option)).toEqual(["ALWAYS", "COUNT", "CPUS"]);
    expect(notes).toHaveLength(2);
    expect(notes.join()).toMatch(/CONFIG_SOCKETS is off.*the call socket/);
  });
});

describe("a path", () => {
  test.each([
    ["/proc/meminfo", "/proc/**"],
    ["/proc", "/proc/**"],
    ["/proc/%d/stat", "/proc/**"],
    ["/proc/%d/smaps", "/proc/self/smaps"],
    ["/proc/1/smaps", "/proc/self/smaps"],
    ["/proc/%s/smaps", "/proc/self/smaps"],
    ["/proc/self/%s", "/proc/self/smaps"],
    ["/proc/%s", "/proc/self/smaps"],
    ["/proc/self/", "/proc/self/smaps"],
    ["/proc/kpagecount", "/proc/kpage*"],
    ["/dev/pts/%d", "/dev/pts/**"],
  ])("%s may be of %s", (path, glob) => expect(mayMatch(path, glob)).toBe(true));

  test.each([
    ["/process", "/proc/**"],
    ["/proc/meminfo", "/proc/self/smaps"],
    ["/proc/%d/stat", "/proc/self/smaps"],
    ["/proc/%d/stat", "/proc/sys/**"],
    ["/proc/self/smaps/x", "/proc/self/smaps"],
    ["/dev/ptmx2", "/dev/ptmx"],
  ])("%s is none of %s", (path, glob) => expect(mayMatch(path, glob)).toBe(false));

  test("is within a glob only where it is sure to be", () => {
    expect(isWithin("/dev/null", "/dev/null")).toBe(true);
    expect(isWithin("/dev", "/dev/null")).toBe(false);
    expect(isWithin("/sys/kernel/mm/x/y", "/sys/kernel/mm/**")).toBe(true);
    expect(isWithin("/sys/kernel", "/sys/kernel/mm/**")).toBe(false);
  });

  test("is found in scripts and arguments", () => {
    expect(pathsIn("cat /proc/cpuinfo; ls '/sys/class' /processes /devices /dev")).toEqual([
      "/dev",
      "/proc/cpuinfo",
      "/sys/class",
    ]);
  });
});

test("what the configuration says counts as a use", () => {
  const texts = [{ path: "/etc/script", data: Buffer.from("open('/proc/self/smaps')") }];
  const run = { cpus: 2, ports: ["8080:80"], volumes: { "/host": {} }, disks: { "/data": {} } };
  const circumstances = {
    args: ["/dev/shm/x"],
    env: { STATE: "/sys/class" },
    run,
    isRoot: false,
    usesSockets: true,
    texts,
    withAttributes: ["/bin/ping"],
  };
  expect(otherUses(circumstances)).toEqual([
    { kind: "path", name: "/dev/shm/x", evidence: "an argument" },
    { kind: "path", name: "/sys/class", evidence: "the variable STATE" },
    { kind: "path", name: "/proc/self/smaps", evidence: "/etc/script" },
    { kind: "feature", name: "several CPUs", evidence: "run.cpus" },
    { kind: "feature", name: "ports", evidence: "run.ports" },
    { kind: "feature", name: "volumes", evidence: "run.volumes" },
    { kind: "feature", name: "a disk", evidence: "run.disks" },
    { kind: "feature", name: "extended attributes", evidence: "/bin/ping" },
    { kind: "call", name: "setuid", evidence: "the start as another user" },
    { kind: "feature", name: "low ports of users", evidence: "the start as another user" },
  ]);
});
