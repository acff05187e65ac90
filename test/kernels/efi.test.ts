// SPDX-License-Identifier: MIT
/** UEFI starts the bzImage of a kernel with the EFI stub, as it starts one that Kbuild made. */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { afterAll, describe, expect, test } from "vitest";
import { buildImage, modes } from "../support/harness.js";
import { patience, testLimit } from "../support/patience.js";

const source = fileURLToPath(new URL("../../fixtures/hello/hello.c", import.meta.url));
const firmware = { code: "/usr/share/OVMF/OVMF_CODE_4M.fd", variables: "/usr/share/OVMF/OVMF_VARS_4M.fd" };
const scratch = mkdtempSync(join(tmpdir(), "ukl-efi-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.each(modes)("%s", (mode) => {
  test("comes to its program and ends", { timeout: testLimit(1_800_000) }, async () => {
    const options = { CONFIG_PCI: "y", CONFIG_ACPI: "y", CONFIG_EFI: "y", CONFIG_EFI_STUB: "y" };
    const kernel = { base: "special" as const, options };
    const elf = join(scratch, `${mode}.elf`);
    const { bzImage = "" } = await buildImage({ inputs: [source], mode, kernel }, elf, true);
    const variables = join(scratch, `${mode}.fd`);
    copyFileSync(firmware.variables, variables);
    const { stdout, exitCode } = await execa(
      "qemu-system-x86_64",
      [
        ...["-M", "q35", "-m", "256", "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot"],
        ...["-drive", `if=pflash,format=raw,readonly=on,file=${firmware.code}`],
        ...["-drive", `if=pflash,format=raw,file=${variables}`],
        ...["-kernel", bzImage, "-append", "console=hvc0"],
      ],
      { stdin: "ignore", timeout: patience(30_000) },
    );
    expect(stdout).toContain("Hello, world");
    expect(exitCode).toBe(0);
  });
});
