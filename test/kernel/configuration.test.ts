// SPDX-License-Identifier: MIT

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { UklError } from "../../src/errors.js";
import {
  checkOptionsExist,
  checkOptionsStuck,
  parseConfiguration,
  renderOptions,
  wantedOptions,
} from "../../src/kernel/configuration.js";

const text = `# a comment
CONFIG_SMP=y
# CONFIG_MODULES is not set
CONFIG_NR_CPUS=64
CONFIG_PHYSICAL_START=0x1000000
CONFIG_CMDLINE="a=b # c"
CONFIG_EMPTY=""

#CONFIG_NOT=y
 CONFIG_INDENTED=y
`;

describe("a configuration", () => {
  test("is read with values as they are written, and 'is not set' as n", () => {
    expect(Object.fromEntries(parseConfiguration(text))).toEqual({
      SMP: "y",
      MODULES: "n",
      NR_CPUS: "64",
      PHYSICAL_START: "0x1000000",
      CMDLINE: '"a=b # c"',
      EMPTY: '""',
    });
  });

  test("has the last value of an option that is there twice", () => {
    expect(parseConfiguration("CONFIG_A=y\n# CONFIG_A is not set\n").get("A")).toBe("n");
  });

  test("is written in the order of names, as Kconfig writes it", () => {
    const options = new Map([
      ["SMP", "y"],
      ["MODULES", "n"],
      ["CMDLINE", '"x"'],
    ]);
    expect(renderOptions(options)).toBe('CONFIG_CMDLINE="x"\n# CONFIG_MODULES is not set\nCONFIG_SMP=y\n');
  });

  test("is the same after it was written and read", () => {
    const options = parseConfiguration(text);
    expect(new Map(parseConfiguration(renderOptions(options)))).toEqual(new Map(options));
  });
});

describe("what is wanted of a kernel", () => {
  test.each([
    ["unikernel", "y"],
    ["classic", "n"],
  ] as const)("in %s mode has CONFIG_UNIKERNEL_LINUX=%s", async (mode, value) => {
    expect((await wantedOptions({ mode })).get("UNIKERNEL_LINUX") ?? "n").toBe(value);
  });

  test("never includes what ring 0 at user addresses excludes", async () => {
    const wanted = await wantedOptions({ mode: "unikernel" });
    for (const name of [
      "MITIGATION_PAGE_TABLE_ISOLATION",
      "X86_FRED",
      "X86_USER_SHADOW_STACK",
      "IA32_EMULATION",
    ]) {
      expect([name, wanted.get(name) ?? "n"]).toEqual([name, "n"]);
    }
  });

  test("ends with the user's own options, with strings quoted as Kconfig does", async () => {
    const options = {
      CONFIG_SMP: "n",
      CONFIG_LOG_BUF_SHIFT: 17,
      CONFIG_START: "0x1000",
      CONFIG_DEFAULT_HOSTNAME: 'a "quoted" \\ name',
      CONFIG_NUMBERED: "12 monkeys",
    };
    const wanted = await wantedOptions({ mode: "classic", options });
    expect(wanted.get("SMP")).toBe("n");
    expect(wanted.get("LOG_BUF_SHIFT")).toBe("17");
    expect(wanted.get("START")).toBe("0x1000");
    expect(wanted.get("DEFAULT_HOSTNAME")).toBe('"a \\"quoted\\" \\\\ name"');
    expect(wanted.get("NUMBERED")).toBe('"12 monkeys"');
  });
});

describe("a special kernel", () => {
  test("has the base and what was chosen, and nothing of the generic kernel", async () => {
    const settings = new Map([["EPOLL", "y"]]);
    const wanted = await wantedOptions({ mode: "classic", base: "special", settings });
    expect(wanted.get("PVH")).toBe("y");
    expect(wanted.get("EPOLL")).toBe("y");
    expect(wanted.get("INET")).toBeUndefined();
  });

  test("leaves to Kconfig what was chosen to be left", async () => {
    const settings = new Map([["NR_CPUS", undefined]]);
    const wanted = await wantedOptions({ mode: "classic", base: "special", settings });
    expect(wanted.has("NR_CPUS")).toBe(false);
  });
});

describe("the check that options exist", () => {
  const tree = mkdtempSync(join(tmpdir(), "ukl-kconfig-"));
  afterAll(() => rmSync(tree, { recursive: true }));
  mkdirSync(join(tree, "fs"));
  writeFileSync(join(tree, "Kconfig"), "config EPOLL\n\tbool\nmenuconfig NET\n");
  writeFileSync(join(tree, "fs", "Kconfig.binfmt"), "\tconfig  BINFMT_ELF\n");
  writeFileSync(join(tree, "README"), "config TIMERFD\n");

  test.each(["CONFIG_EPOLL", "CONFIG_NET", "CONFIG_BINFMT_ELF"])("finds %s", async (name) => {
    await checkOptionsExist([name], tree);
  });

  test("names the nearest one of a name that no Kconfig file has", async () => {
    await expect(checkOptionsExist(["CONFIG_NET", "CONFIG_EPOL"], tree)).rejects.toMatchObject({
      code: "UKL-308",
      detail: {
        what: expect.stringContaining("CONFIG_EPOL"),
        fix: expect.stringContaining("CONFIG_EPOLL?"),
      },
    });
    await expect(checkOptionsExist(["CONFIG_TIMERFD"], tree)).rejects.toMatchObject({ code: "UKL-308" });
  });
});

describe("the check that options stuck", () => {
  const got = parseConfiguration("CONFIG_SMP=y\nCONFIG_NR_CPUS=64\n# CONFIG_MODULES is not set\n");

  test("passes where each is what was asked, and counts what Kconfig does not mention as n", () => {
    const wanted = parseConfiguration("CONFIG_SMP=y\n# CONFIG_MODULES is not set\n# CONFIG_PCI is not set\n");
    expect(() => checkOptionsStuck(wanted, got)).not.toThrow();
  });

  test("names every option that was lost, with what became of it", () => {
    const wanted = parseConfiguration("CONFIG_SMP=y\nCONFIG_NR_CPUS=8\nCONFIG_MODULES=y\nCONFIG_PCI=y\n");
    try {
      checkOptionsStuck(wanted, got);
      throw new Error("not refused");
    } catch (error) {
      expect(error).toBeInstanceOf(UklError);
      expect(error).toMatchObject({ code: "UKL-304", detail: { what: "Kconfig did not accept 3 options" } });
      expect((error as UklError).detail.cause.split("; ")).toEqual([
        "CONFIG_NR_CPUS=8 became 64",
        "CONFIG_MODULES=y became n",
        "CONFIG_PCI=y became n",
      ]);
    }
  });
});
