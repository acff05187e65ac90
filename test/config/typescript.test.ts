// SPDX-License-Identifier: MIT
import { cpus } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { testLimit } from "../support/patience.js";
import { load, refusal } from "./scratch.js";

// The first load brings in the compiler, which takes its time on a busy machine.
vi.setConfig({ testTimeout: testLimit(30_000) });
afterEach(() => vi.unstubAllEnvs());

const importing = 'import { defineConfig } from "uklkit";\n';

describe("a TypeScript configuration", () => {
  test("is evaluated where uklkit is not installed", async () => {
    const { configuration, directory } = await load(
      "ukl.config.ts",
      `${importing}export default defineConfig({ inputs: ["a.c"], mode: "classic", env: { A: "1" } });\n`,
    );
    expect(configuration).toMatchObject({
      inputs: [join(directory, "a.c")],
      mode: "classic",
      env: { A: "1" },
    });
  });

  test("may use Node's modules and the environment", async () => {
    vi.stubEnv("UKL_TEST_MEMORY", "192M");
    const { configuration } = await load(
      "ukl.config.ts",
      `${importing}import { cpus } from "node:os";
      const memory = process.env["UKL_TEST_MEMORY"];
      export default defineConfig({ program: "/app", args: [String(cpus().length)], run: { memory } });\n`,
    );
    expect(configuration.args).toEqual([String(cpus().length)]);
    expect(configuration.run.memory).toBe("192M");
  });

  test("may be a plain typed object", async () => {
    const { configuration } = await load(
      "ukl.config.ts",
      `import type { Configuration } from "uklkit";
      const configuration: Configuration = { program: "/app" };
      export default configuration;\n`,
    );
    expect(configuration.program).toBe("/app");
  });

  test("is refused at the character where its syntax breaks", async () => {
    const { code, cause, marked } = await refusal(
      "ukl.config.ts",
      `${importing}export default defineConfig({\n  program: "a" ▸args: [],\n});\n`,
    );
    expect(code).toBe("UKL-111");
    expect(cause).toBe(`${marked}: ',' expected, found args`);
  });

  test("is refused at a member of the wrong type", async () => {
    const { code, cause, marked } = await refusal(
      "ukl.config.ts",
      `${importing}export default defineConfig({\n  program: "a",\n  run: { ▸cpus: "2" },\n});\n`,
    );
    expect(code).toBe("UKL-111");
    expect(cause).toBe(`${marked}: Type 'string' is not assignable to type 'number'`);
  });

  test("is refused at a misspelt name, with the name that was meant", async () => {
    const { code, cause, marked } = await refusal(
      "ukl.config.ts",
      `${importing}export default defineConfig({\n  ▸inptus: ["a.c"],\n});\n`,
    );
    expect(code).toBe("UKL-111");
    expect(cause.startsWith(`${marked}: `)).toBe(true);
    expect(cause).toContain("'inptus' does not exist");
    expect(cause).toContain("Did you mean to write 'inputs'?");
  });

  test("is refused at a misspelt name that no type was asked to check", async () => {
    const { code, cause, marked } = await refusal(
      "ukl.config.ts",
      'const base = {\n  program: "a",\n  run: { ▸memry: "1G" },\n};\nexport default base;\n',
    );
    expect(code).toBe("UKL-112");
    expect(cause).toBe(`${marked}: run: expected a known name, found "memry"; did you mean "memory"?`);
  });

  test("is refused at a value its type allows and its rules do not", async () => {
    const { code, cause, marked } = await refusal(
      "ukl.config.ts",
      `${importing}export default defineConfig({\n  program: "a",\n  run: {\n    memory: ▸"12Q" },\n});\n`,
    );
    expect(code).toBe("UKL-112");
    expect(cause).toBe(`${marked}: run.memory: expected a size such as "128M" or "1G", found "12Q"`);
  });

  test("is refused at what surrounds a value that is computed", async () => {
    const { code, cause, marked } = await refusal(
      "ukl.config.ts",
      `const run = () => ({ cpus: 0 });\nexport default { program: "a", run: ▸run() };\n`,
    );
    expect(code).toBe("UKL-112");
    expect(cause).toBe(`${marked}: run.cpus: expected a whole number from 1 to 64, found 0`);
  });

  test("is refused when it has both inputs and a program", async () => {
    const { code, cause, marked } = await refusal(
      "ukl.config.ts",
      `${importing}export default defineConfig({ inputs: ["a.c"], program: ▸"b" });\n`,
    );
    expect(code).toBe("UKL-112");
    expect(cause).toBe(
      `${marked}: program: expected one of inputs, program, package and image, found several`,
    );
  });

  test.each(['import x from ▸"./other.js"', 'import ▸"./other.js"', 'import x from ▸"fs"'])(
    "is refused at %s",
    async (statement) => {
      const { code, cause, marked } = await refusal(
        "ukl.config.ts",
        `${statement};\nexport default { program: "a" };\n`,
      );
      expect(code).toBe("UKL-111");
      expect(cause.startsWith(`${marked}: expected an import of "uklkit" or of one of Node's`)).toBe(true);
    },
  );

  test("is refused when it exports no default", async () => {
    const { code, cause } = await refusal("ukl.config.ts", 'export const program = "a";\n');
    expect(code).toBe("UKL-112");
    expect(cause).toBe("ukl.config.ts:1:1: expected an object, found nothing");
  });

  test("is refused when its evaluation throws", async () => {
    const { code, cause } = await refusal(
      "ukl.config.ts",
      'const fail = () => { throw new Error("no such board"); };\nexport default { program: fail() };\n',
    );
    expect(code).toBe("UKL-111");
    expect(cause).toBe("ukl.config.ts: Error: no such board");
  });
});
