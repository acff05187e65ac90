// SPDX-License-Identifier: MIT
/** Plugins of QEMU's translator (bench/plugins/), which see each instruction of a guest. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../host/exec.js";
import { packageFile } from "../host/places.js";

type PluginName = "boot-profile" | "instruction-count";

/** Compiles a plugin; returns its path. Throws UKL-401 and UKL-404. */
export async function compilePlugin(name: PluginName, directory: string): Promise<string> {
  const plugin = join(directory, `${name}.so`);
  const source = packageFile("bench", "plugins", `${name}.c`);
  await run({ tool: "gcc", args: ["-shared", "-fPIC", "-O2", source, "-o", plugin] });
  return plugin;
}

/** An address, or several of which one is reached. */
export type Mark = bigint | readonly bigint[];

/** Arguments of QEMU: it ends at the last mark, which are waited for one after the other. */
export function profileArguments(plugin: string, output: string, marks: readonly Mark[]): readonly string[] {
  const places = marks.flatMap((mark) =>
    [mark].flat().map((address, index) => `${index === 0 ? "mark" : "or"}=0x${address.toString(16)}`),
  );
  return ["-plugin", [plugin, `out=${output}`, ...places].join(",")];
}

/** Instructions before each mark that was reached, and by address those of each block. */
export interface Profile {
  readonly marks: readonly number[];
  readonly blocks: readonly (readonly [address: bigint, instructions: number])[];
}

/** What the plugin wrote; nothing where it wrote nothing. */
export async function readProfile(output: string): Promise<Profile> {
  const text = await readFile(output, "utf8").catch(() => "");
  const lines = [...text.matchAll(/^(mark|block) ([\da-f]+) (\d+)$/gm)];
  const ofKind = (wanted: string) => lines.filter(([, kind]) => kind === wanted);
  return {
    marks: ofKind("mark").map(([, , , count]) => Number(count)),
    blocks: ofKind("block").map(([, , address, count]) => [BigInt(`0x${address}`), Number(count)]),
  };
}

export function countArguments(plugin: string, output: string): readonly string[] {
  return ["-plugin", `${plugin},out=${output}`];
}

/** The instructions up to now: the file is the memory that the plugin counts in. */
export async function readCount(output: string): Promise<number> {
  return Number((await readFile(output)).readBigUInt64LE());
}
