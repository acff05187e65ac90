// SPDX-License-Identifier: MIT
import { describe, expect, test } from "vitest";
import type { BuildResult } from "../src/build.js";
import {
  formatBuild,
  formatBytes,
  formatChoice,
  formatFindings,
  formatKernels,
  formatNetwork,
  formatProgress,
} from "../src/report.js";

const digest = "0123456789abcdef".repeat(4);

function result(
  changes: Partial<BuildResult> = {},
  mode: "unikernel" | "classic" = "unikernel",
): BuildResult {
  return {
    output: "hello.elf",
    imageBytes: 5 * 1024 * 1024,
    timingsMs: { kernel: 1, stubs: 2, application: 30, inspection: 40, image: 200, verify: 5, total: 238 },
    kernelChoice: { base: "generic", options: [], notes: [] },
    notes: [],
    verdict: { outcome: "works", findings: [] },
    manifest: {
      schemaVersion: 1,
      tool: "uklkit 0.1.0",
      name: "hello",
      mode,
      kernel: { version: "6.12.117", key: digest, configurationDigest: digest, compiler: "gcc" },
      inputs: [],
      application: {
        guestPath: "/bin/hello",
        kind: "executable",
        entry: "0x401000",
        sizeBytes: 800 * 1024,
        sha256: digest,
        segments: [],
        tls: { vaddr: "0x4b0000", fileBytes: 8, memoryBytes: 100, alignBytes: 64, tpOffset: -128 },
      },
      arguments: [],
      environment: {},
      files: [],
      ring0Programs: [],
      kernelSymbols: [],
      run: { memory: "128M", cpus: 1 },
    },
    ...changes,
  };
}

test("an explanation names each option, what asks for it and the way there", () => {
  const reasons = [
    { kind: "call", name: "epoll_create1", evidence: "main → server:loop" },
    { kind: "path", name: "/proc/stat" },
  ] as const;
  const options = [{ option: "EPOLL", value: "y", reasons }];
  expect(formatChoice({ base: "special", options, notes: ["a note"] })).toBe(
    [
      "CONFIG_EPOLL=y",
      "  the call epoll_create1",
      "    main → server:loop",
      "  the path /proc/stat",
      "note: a note",
      "",
    ].join("\n"),
  );
});

describe("the report of a build", () => {
  test("names the image, its kernel and its program", () => {
    const lines = formatBuild(result()).split("\n");
    expect(lines[0]).toBe("hello.elf: unikernel image of /bin/hello, 5.0 MiB");
    expect(lines[1]).toContain("Linux 6.12.117, configuration 0123456789ab");
    expect(lines[2]).toContain("executable of 800.0 KiB, entry 0x401000");
  });

  test("tells how the kernel was chosen, and why it is another one than asked for", () => {
    const option = { option: "EPOLL", value: "y", reasons: [] };
    const kernelLine = (kernelChoice: BuildResult["kernelChoice"]) =>
      formatBuild(result({ kernelChoice })).split("\n")[1];
    expect(kernelLine({ base: "generic", options: [], notes: [] })).toMatch(/, generic$/);
    expect(kernelLine({ base: "generic", because: "of that", options: [], notes: [] })).toMatch(
      /, generic: of that$/,
    );
    expect(kernelLine({ base: "special", options: [option], notes: [] })).toContain("special: 1 option");
  });

  test("says what the configuration takes away", () => {
    const kernelChoice = { base: "special", options: [], notes: ["CONFIG_EPOLL is off"] } as const;
    expect(formatBuild(result({ kernelChoice }))).toMatch(/^ +note +CONFIG_EPOLL is off$/m);
  });

  test("tells the TLS block, or that there is none", () => {
    expect(formatBuild(result())).toContain("100 bytes, aligned to 64, from thread pointer -128");
    const { manifest } = result();
    const { tls: _, ...application } = manifest.application;
    expect(formatBuild(result({ manifest: { ...manifest, application } }))).toMatch(/^ +TLS +none$/m);
  });

  test("says how many system calls the program can make, and when there may be more", () => {
    const { manifest } = result();
    const names = ["read", "write", "exit_group"];
    const withCalls = (complete: boolean) =>
      formatBuild(result({ manifest: { ...manifest, systemCalls: { complete, names } } }));
    expect(withCalls(true)).toMatch(/^ +calls +3 system calls$/m);
    expect(withCalls(false)).toMatch(/^ +calls +3 system calls, perhaps more$/m);
  });

  test("warns of what will not work", () => {
    const obstacle = { severity: "obstacle" as const, what: "no network", evidence: "main", fix: "add one" };
    const note = { ...obstacle, severity: "note" as const, what: "a detail" };
    const text = formatBuild(result({ verdict: { outcome: "will not work", findings: [note, obstacle] } }));
    expect(text).toMatch(/^ +warning +no network: add one$/m);
    expect(text).not.toContain("a detail");
  });

  test("says that ring 0 has no wall, and says it of ring 0 only", () => {
    expect(formatBuild(result())).toContain("runs in ring 0: SMEP and SMAP are off");
    expect(formatBuild(result({}, "classic"))).not.toContain("ring 0");
  });

  test("names the bzImage where one was made", () => {
    expect(formatBuild(result())).not.toContain("bzImage");
    expect(formatBuild(result({ bzImage: "hello.bzimage" }))).toMatch(/^ +bzImage +hello\.bzimage$/m);
  });

  test("tells the time of each pass", () => {
    expect(formatBuild(result())).toContain(
      "kernel 1 ms, stubs 2 ms, application 30 ms, inspection 40 ms, image 200 ms, verify 5 ms, total 238 ms",
    );
  });
});

describe("the list of kernels", () => {
  const kernel = {
    schemaVersion: 1,
    key: digest,
    mode: "classic",
    version: "6.12.117",
    configurationDigest: digest,
    compiler: "gcc",
    directory: "/cache",
    sizeBytes: 20 * 1024 * 1024,
    lastUsed: new Date("2024-05-06T07:08:09Z"),
  } as const;

  test("has a line for each, in columns", () => {
    const lines = formatKernels([kernel, { ...kernel, mode: "unikernel", sizeBytes: 900 }]).split("\n");
    expect(lines[0]).toBe("0123456789ab  classic    6.12.117   20.0 MiB  used 2024-05-06T07:08");
    expect(lines[1]).toBe("0123456789ab  unikernel  6.12.117      900 B  used 2024-05-06T07:08");
  });

  test("says so when it is empty", () => {
    expect(formatKernels([])).toBe("no kernels are cached\n");
  });
});

test("the doctor's findings tell what is there, what is missing, and which package brings it", () => {
  const common = { neededFor: "linking", group: "toolkit", kind: "program" } as const;
  const text = formatFindings([
    { ...common, what: "ld", debianPackage: "binutils", found: "2.40" },
    { ...common, what: "musl-gcc", debianPackage: "musl-tools", found: undefined },
  ]);
  expect(text.split("\n")).toEqual([
    "✓ ld        2.40 (linking)",
    "✗ musl-gcc  missing: Debian package musl-tools (linking)",
    "",
  ]);
});

describe("progress", () => {
  test("is the step where nothing more is known", () => {
    expect(formatProgress({ step: "configuring" })).toBe("configuring");
  });

  test.each([
    [0, 0, "  0 %"],
    [0.5, 15, " 50 %"],
    [0.999, 30, " 99 %"],
    [1, 30, "100 %"],
  ])("of %d fills %i of 30 places", (fraction, filled, percent) => {
    const line = formatProgress({ step: "compiling", fraction });
    expect(line).toBe(`compiling [${"#".repeat(filled)}${".".repeat(30 - filled)}] ${percent}`);
  });
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [1536, "1.5 KiB"],
  [1024 ** 2, "1.0 MiB"],
  [3.25 * 1024 ** 2, "3.3 MiB"],
])("%d bytes are %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test("a host's network says what it can do, and what it cannot", () => {
  const works = { works: true, greets: true, datagramBytes: 65_492 } as const;
  const relay = { tool: "relay", args: [] };
  const limit = "✓ datagrams of up to 65492 bytes pass through passt, and larger ones are lost\n";
  const relayed = formatNetwork({ alone: { ...works, greets: false }, relayed: works, relay });
  expect(relayed).toMatch(/^✓ .*speaks first is heard, with a relay in front of passt\n/);
  expect(relayed.endsWith(limit)).toBe(true);
  expect(formatNetwork({ alone: works })).toMatch(/^✓ .*\n✗ some of what clients send fast is lost .*QEMU's/);
  expect(formatNetwork({ alone: { ...works, greets: false } })).toMatch(
    /^✗ .*speaks first is not heard.*QEMU's/,
  );
  expect(formatNetwork({ alone: { works: false, reason: "it is not installed" } })).toMatch(
    /^✗ passt does not work: it is not installed\n.*over IPv4 alone/,
  );
});
