// SPDX-License-Identifier: MIT
import { describe, expect, test } from "vitest";
import { explainIncomplete, formatInspection, formatNames } from "../../src/inspect/format.js";
import { allSyscalls } from "../../src/inspect/syscall-names.js";
import { makeCall, makeInspection, makeLibrary, makeUnknownSite } from "./support.js";

const lines = (text: string) => text.split("\n");
const lineWith = (text: string, part: string) => lines(text).find((line) => line.includes(part));

test("a small report, whole", () => {
  const text = formatInspection(
    makeInspection({
      libraries: [makeLibrary()],
      syscalls: [
        makeCall("write"),
        makeCall("brk", ["startup"]),
        makeCall("exit_group", ["startup", "main"]),
      ],
    }),
  );
  expect(text).toBe(`/bin/hello
  executable, x86-64, position independent, stripped, started by /lib64/ld-linux-x86-64.so.2
  sha256 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef

Libraries: 1
  libc.so.6                       1878 KiB  needed      /lib/x86_64-linux-gnu/libc.so.6
    1 symbol for hello

System calls: 3
  files               write
  memory              brk*
  processes           exit_group
  * 1 only before main

Sites: 4 system call instructions: 2 with a constant number, 1 through wrappers, 0 unknown, 1
       unreached

TLS: none

In unikernel mode: works

In classic mode: works
`);
});

describe("libraries", () => {
  test("without a bound symbol are needed on paper only, and the interpreter is not", () => {
    const text = formatInspection(
      makeInspection({
        libraries: [
          makeLibrary({ soname: "libm.so.6", boundSymbols: [] }),
          makeLibrary({ soname: "ld-linux-x86-64.so.2", reason: "interpreter", boundSymbols: [] }),
          makeLibrary({ soname: "libnss_dns.so.2", reason: "nss", boundSymbols: [] }),
        ],
      }),
    );
    expect(lines(text).filter((line) => line.includes("on paper only"))).toHaveLength(1);
    expect(lineWith(text, "on paper only")).toContain("libm.so.6");
    expect(lineWith(text, "ld-linux-x86-64.so.2  ")).toContain("interpreter");
  });

  test("that are missing are named with who needs them", () => {
    const text = formatInspection(
      makeInspection({ missingLibraries: [{ name: "libgone.so.1", neededBy: "libssl.so.3" }] }),
    );
    expect(text).toContain("Libraries: 1\n");
    expect(lineWith(text, "libgone.so.1")).toMatch(/not found, needed by libssl\.so\.3$/);
  });

  test("are none in a static program, which is not listed as its own", () => {
    const program = makeLibrary({ path: "/bin/hello", soname: "hello", reason: "program" });
    expect(formatInspection(makeInspection({ libraries: [program] }))).toContain("Libraries: none\n");
  });
});

describe("system calls", () => {
  test("of start-up alone and of late parts alone are marked, and the marks explained where used", () => {
    const text = formatInspection(
      makeInspection({
        syscalls: [
          makeCall("arch_prctl", ["startup"]),
          makeCall("sendmmsg", ["nss"]),
          makeCall("clock_gettime", ["startup", "vdso"]),
          makeCall("read", ["startup", "main", "nss"]),
        ],
      }),
    );
    expect(lineWith(text, "arch_prctl")).toMatch(/ arch_prctl\*$/);
    expect(lineWith(text, "sendmmsg")).toMatch(/ sendmmsg\+$/);
    expect(lineWith(text, "clock_gettime")).toMatch(/ clock_gettime\+$/);
    expect(lineWith(text, "files ")).toMatch(/ read$/);
    expect(text).toContain("  * 1 only before main\n");
    expect(text).toContain("  + 2 only through NSS");
    expect(formatInspection(makeInspection())).not.toContain("only");
  });

  test("are each listed once, in order, and one that no table knows is not lost", () => {
    const all = allSyscalls.map(({ name }) => makeCall(name)).reverse();
    const later = { ...makeCall("read"), name: "brand_new_call", number: 999 };
    const text = formatInspection(makeInspection({ syscalls: [...all, later] }));
    const table = text.slice(text.indexOf("System calls:"), text.indexOf("Sites:"));
    const words = table.split(/\s+/);
    for (const { name } of [...all, later]) {
      expect(words.filter((word) => word === name).length, name).toBeGreaterThan(0);
    }
    expect(lineWith(text, "brand_new_call")).toMatch(/^ {2}other /);
    expect(lineWith(text, "  files ")).toMatch(/^ {2}files {15}access cachestat chdir chmod /);
  });

  test("say nothing of a guarantee where the list is one", () => {
    expect(explainIncomplete(makeInspection())).toBeUndefined();
    expect(formatInspection(makeInspection())).not.toContain("guarantee");
  });

  test("are no guarantee where a reached site is unresolved or a library is missing", () => {
    const text = formatInspection(
      makeInspection({
        complete: false,
        unknownSites: [makeUnknownSite(), makeUnknownSite({ reached: false })],
        missingLibraries: [{ name: "libgone.so.1", neededBy: "hello" }],
      }),
    ).replace(/\n {4}/g, " ");
    expect(text).toContain(
      "  ! The list is no guarantee: calls may be missing from it, because of 1 reached site with a number that " +
        "could not be determined, and 1 library not found.\n",
    );
  });

  test("of strict mode are all there are, and why", () => {
    const strict = makeInspection({ complete: false, mode: "strict", unknownSites: [makeUnknownSite()] });
    expect(explainIncomplete(strict)).toMatch(/^The list is every call there is, .*: 1 reached site /);
  });
});

describe("unknown sites", () => {
  const sites = (count: number) =>
    Array.from({ length: count }, (_, index) => makeUnknownSite({ symbol: `function${index}` }));

  test("are listed when they are reached", () => {
    const text = formatInspection(
      makeInspection({
        unknownSites: [makeUnknownSite(), makeUnknownSite({ symbol: "dead", reached: false })],
      }),
    );
    expect(lineWith(text, "libc.so.6:syscall at 0xf1d2a: ")).toBeDefined();
    expect(text).not.toContain("dead");
  });

  test.each([
    [10, undefined],
    [11, "    and 1 more, see --json"],
    [500, "    and 490 more, see --json"],
  ])("of %i, ten are shown", (count, rest) => {
    const text = formatInspection(makeInspection({ unknownSites: sites(count) }));
    expect(text).toContain(`reached, with an unknown number: ${count}\n`);
    expect(text.match(/:function\d+ at/g)).toHaveLength(10);
    expect(lineWith(text, "more, see --json")).toBe(rest);
  });
});

test("TLS, features and verdicts tell all they have", () => {
  const text = formatInspection(
    makeInspection({
      tls: {
        staticBytes: 144,
        threadBytes: 2512,
        threadParts: [
          { what: "modules", bytes: 144, evidence: "PT_TLS" },
          { what: "control block", bytes: 2368, evidence: "a symbol" },
        ],
        modules: [{ library: "libc.so.6", memoryBytes: 144, alignBytes: 8 }],
        models: [{ model: "initial-exec", libraries: ["libc.so.6", "libm.so.6"] }],
      },
      features: [{ name: "fork", evidence: "hello:main calls fork" }],
      verdicts: {
        unikernel: {
          outcome: "will not work",
          findings: [
            { severity: "obstacle", what: "it forks", evidence: "hello:main", fix: "build it with threads" },
            { severity: "note", what: "it reads /etc/passwd", evidence: "a string", fix: "include the file" },
          ],
        },
        classic: { outcome: "works with notes", findings: [] },
      },
    }),
  );
  expect(text).toContain(`TLS: 2512 bytes for each thread
       144  modules: PT_TLS
      2368  control block: a symbol
  libc.so.6                       144 bytes, aligned to 8
  initial-exec                    libc.so.6 libm.so.6

Features:
  fork                        hello:main calls fork

In unikernel mode: will not work
  obstacle:  it forks
    because: hello:main
    fix:     build it with threads
  note:      it reads /etc/passwd
    because: a string
    fix:     include the file

In classic mode: works with notes
`);
});

describe("names from the file", () => {
  const long = "_ZN".concat("very_long_name".repeat(40));
  const hostile = "evil\u001b[2J\nIn unikernel mode: works\u202e\u2028";

  test.each([long, `${"word ".repeat(100)}`, hostile])(
    "cannot make a line wider than 100 columns",
    (name) => {
      const text = reportWith(name);
      expect(Math.max(...lines(text).map((line) => line.length))).toBeLessThanOrEqual(100);
    },
  );

  test("cannot move the cursor, break a line or turn the text round", () => {
    const text = reportWith(hostile);
    expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(lines(text).filter((line) => line === "In unikernel mode: works")).toHaveLength(1);
    expect(formatNames(makeInspection({ syscalls: [{ ...makeCall("read"), name: hostile }] }))).toBe(
      "evil\\u{1b}[2J\\u{a}In unikernel mode: works\\u{202e}\\u{2028}\n",
    );
  });

  function reportWith(name: string): string {
    const finding = { severity: "note", what: name, evidence: name, fix: name } as const;
    return formatInspection(
      makeInspection({
        complete: false,
        target: { ...makeInspection().target, path: `/${name}`, interp: name },
        libraries: [
          makeLibrary({
            soname: name,
            path: name,
            namedBy: [name],
            boundSymbols: [{ name, users: [name] }],
            versions: [{ name, users: [name] }],
          }),
        ],
        files: [{ path: name, kind: "path", reason: name, evidence: name }],
        missingLibraries: [{ name, neededBy: name }],
        syscalls: [{ ...makeCall("read"), name }],
        unknownSites: [makeUnknownSite({ library: name, symbol: name, reason: name })],
        tls: {
          staticBytes: 1,
          modules: [{ library: name, memoryBytes: Number.MAX_SAFE_INTEGER, alignBytes: 1 }],
          threadBytes: 1,
          threadParts: [{ what: name, bytes: Number.MAX_SAFE_INTEGER, evidence: name }],
          models: [{ model: "local-exec", libraries: [name] }],
        },
        features: [{ name, evidence: name }],
        verdicts: {
          unikernel: { outcome: "works", findings: [finding] },
          classic: { outcome: "works", findings: [finding] },
        },
      }),
    );
  }
});

test("the list of names is sorted, one a line, and empty for no calls", () => {
  const syscalls = ["write", "brk", "openat"].map((name) => makeCall(name));
  expect(formatNames(makeInspection({ syscalls }))).toBe("brk\nopenat\nwrite\n");
  expect(formatNames(makeInspection({ syscalls: [] }))).toBe("");
});
