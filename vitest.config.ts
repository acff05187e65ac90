// SPDX-License-Identifier: MIT
import { defineConfig } from "vitest/config";
import { testLimit } from "./test/support/patience.js";

// `unit` needs nothing but Node and the host's binutils; `boot` starts QEMU, with the generic kernels and one special
// kernel a mode. The long forms are `kernels`, which builds kernels for all fixtures and options, `programs`, which
// needs many more packages, and some of whose programs are in `boot` too, and `network`, which needs two ages of passt.
// Boots share two cores, so they run one file at a time; each test still has its own time limit, which follows the
// machine.
const programsOfEachKind = ["redis", "memcached", "nginx", "python", "node", "perl", "go"];
/** Whatever inspects needs the scanner, which is compiled like the rest of dist/. */
const globalSetup = "test/build-scanner.ts";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          globalSetup,
          include: ["test/**/*.test.ts"],
          exclude: ["test/boot/**", "test/kernels/**", "test/programs/**", "test/network/**"],
          // Some compile, trace and inspect.
          testTimeout: testLimit(60_000),
          hookTimeout: testLimit(300_000),
        },
      },
      {
        test: {
          name: "boot",
          globalSetup,
          include: [
            "test/boot/**/*.test.ts",
            ...programsOfEachKind.map((name) => `test/programs/${name}.test.ts`),
          ],
          testTimeout: testLimit(60_000),
          hookTimeout: testLimit(900_000),
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "programs",
          globalSetup,
          include: ["test/programs/**/*.test.ts"],
          testTimeout: testLimit(60_000),
          hookTimeout: testLimit(900_000),
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "network",
          globalSetup,
          include: ["test/network/**/*.test.ts"],
          testTimeout: testLimit(60_000),
          hookTimeout: testLimit(900_000),
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "kernels",
          globalSetup,
          include: ["test/kernels/**/*.test.ts"],
          testTimeout: testLimit(60_000),
          hookTimeout: testLimit(1_800_000),
          fileParallelism: false,
        },
      },
    ],
  },
});
