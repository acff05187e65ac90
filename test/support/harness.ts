// SPDX-License-Identifier: MIT
/** Builds and boots for tests, through the same functions as the command line. */
import { join } from "node:path";
import { type BuildResult, build } from "../../src/build.js";
import { type ConfigurationFlags, configurationSchema } from "../../src/config/schema.js";
import { type RunRequest, run } from "../../src/run.js";
import type { ConsoleOptions } from "../../src/vm/machine.js";
import type { RunResult } from "../../src/vm/run.js";
import type { Stdio } from "../../src/vm/stdio.js";
import type { Fixture, HostReference, RunOutcome } from "./fixtures.js";
import { patience } from "./patience.js";

export type Mode = "unikernel" | "classic";
export const modes: readonly Mode[] = ["unikernel", "classic"];

/**
 * Builds an image from a configuration as a file or flags would give it. Unless the test says so it has the generic
 * kernel: special ones take minutes, and have tests of their own.
 */
export function buildImage(
  configuration: ConfigurationFlags,
  output: string,
  bzImage = false,
): Promise<BuildResult> {
  return build({
    configuration: configurationSchema.parse({
      ...configuration,
      kernel: { base: "generic", ...configuration.kernel },
    }),
    output,
    bzImage,
    onProgress: () => undefined,
  });
}

export async function buildFixture(
  fixture: Fixture,
  reference: HostReference,
  mode: Mode,
  directory: string,
  kernel: ConfigurationFlags["kernel"] = {},
): Promise<string> {
  const target =
    "program" in fixture.source || fixture.linkedBy === "host"
      ? { program: reference.executable }
      : {
          inputs: [...fixture.source.inputs],
          compiler: fixture.compiler === "gcc" ? undefined : fixture.compiler,
          compileFlags: fixture.compileFlags,
          linkFlags: fixture.linkFlags,
          libraries: fixture.libraries,
        };
  const output = join(directory, `${fixture.name}-${mode}.elf`);
  await buildImage(
    {
      ...target,
      name: fixture.programName,
      mode,
      files: { include: reference.files },
      // A call that the analysis missed ends the program.
      mask: { default: "kill" },
      kernel: { ...kernel, symbols: fixture.kernelSymbols },
      run: { memory: fixture.memory },
    },
    output,
  );
  return output;
}

export interface Booted extends RunOutcome {
  readonly timingsMs: RunResult["timingsMs"];
  readonly masked: RunResult["masked"];
}

/**
 * Boots an image and collects what its program writes, in its order, each byte one character. The limit is for an idle
 * machine (patience.ts).
 */
export async function bootImage(
  request: Omit<RunRequest, "accelerator" | "env"> & Partial<RunRequest>,
  timeoutMs: number,
  { onOutput, signal }: Pick<ConsoleOptions, "onOutput" | "signal"> = {},
): Promise<Booted> {
  const chunks: Uint8Array[] = [];
  const stdio: Stdio = { input: "stream", output: "stream", error: "output" };
  const result = await run(
    { accelerator: "auto", env: {}, stdio, ...request },
    {
      timeoutMs: patience(timeoutMs),
      ...(signal === undefined ? {} : { signal }),
      onOutput: (chunk) => {
        chunks.push(Uint8Array.from(chunk));
        return onOutput?.(chunk);
      },
    },
  );
  const output = Buffer.concat(chunks).toString("latin1");
  const { exitStatus, timingsMs, masked } = result;
  return { exitStatus, output, timingsMs, masked };
}

/** A reader of the console that acts once all it has read shows `text`, which can come in pieces. */
export function whenShown(text: RegExp, act: () => void): (chunk: Uint8Array) => void {
  let shown = "";
  let acted = false;
  return (chunk) => {
    shown += Buffer.from(chunk).toString("latin1");
    if (acted || !text.test(shown)) return;
    acted = true;
    act();
  };
}
