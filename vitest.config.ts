// SPDX-License-Identifier: MIT
import { defineConfig } from "vitest/config";

// Two projects: `unit` needs nothing but Node and the host's binutils; `boot` builds kernels and starts QEMU.
// Boots share two cores, so they run one file at a time; each test still has its own time limit.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/boot/**"],
          // Some compile, trace and inspect; a busy machine is no failure.
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "boot",
          include: ["test/boot/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
