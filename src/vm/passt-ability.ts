// SPDX-License-Identifier: MIT
/**
 * Remembers what passt was seen to do. A result holds as long as nothing it depends on has changed: passt, our relay, the
 * interface that it looks at, the user, and the boot of the host. That it does not work is tried anew each time.
 */
import { join } from "node:path";
import { z } from "zod";
import { UklError } from "../errors.js";
import type { Command } from "../host/exec.js";
import { readInput, sha256, writeOutput } from "../host/files.js";
import { compileHelper, helperSources } from "../host/helpers.js";
import { bootId, identifyTool } from "../host/machine.js";
import { cacheDirectory, packageFile } from "../host/places.js";
import { passtPlan, relayAddresses } from "./network.js";
import { hostLink, relayCommand } from "./passt.js";
import { type PasstTrial, passtTrial, tryPasst } from "./passt-trial.js";

/** What there is to know before a network is planned. */
export interface PasstAbility {
  readonly alone: PasstTrial;
  /** With the relay in front of it; absent where there is none. */
  readonly relayed?: PasstTrial;
  /** The relay, where it serves. */
  readonly relay?: Command;
}

/** The host as this module meets it; tests put another one in its place. */
export interface PasstHost {
  fingerprint(): Promise<string>;
  /** The path of the relay. Throws where it cannot be compiled. */
  compileRelay(): Promise<string>;
  try(relay?: Command): Promise<PasstTrial>;
  readonly cachePath: string;
}

const thisHost: PasstHost = {
  async fingerprint() {
    const sources = [...helperSources("handshake"), packageFile("package.json")];
    const digests = await Promise.all(sources.map(async (path) => sha256(await readInput(path))));
    const facts = { passt: await identifyTool("passt"), boot: await bootId(), digests };
    return sha256(JSON.stringify({ ...facts, link: hostLink(), user: process.getuid?.() }));
  },
  compileRelay: () => compileHelper("handshake"),
  try: (relay) =>
    tryPasst({
      command: (ports) => passtPlan(ports, hostLink()).helper,
      ...(relay === undefined ? {} : { relay }),
    }),
  cachePath: join(cacheDirectory(), "passt-v2.json"),
};

const kept = z.strictObject({
  fingerprint: z.string(),
  alone: passtTrial,
  relayed: passtTrial.optional(),
});

/** Tries passt, unless that was done. Throws UKL-401 without passt. */
export async function passtAbility(host: PasstHost = thisHost): Promise<PasstAbility> {
  const fingerprint = await host.fingerprint();
  const known = await readKept(host.cachePath, fingerprint);
  const alone = known?.alone ?? (await host.try());
  if (!alone.works) return { alone };
  if (known === undefined) await keep(host.cachePath, { fingerprint, alone });
  const program = await host.compileRelay().catch(orNothing);
  if (program === undefined) return { alone };
  const relay = relayCommand(program, { completes: !alone.greets, addresses: relayAddresses });
  const relayed = known?.relayed ?? (await host.try(relay));
  if (!relayed.works) return { alone };
  if (known?.relayed === undefined) await keep(host.cachePath, { fingerprint, alone, relayed });
  return { alone, relayed, ...(relayed.greets ? { relay } : {}) };
}

/** A file that is missing, malformed or of another host is none. */
async function readKept(path: string, fingerprint: string): Promise<z.infer<typeof kept> | undefined> {
  try {
    const found = kept.parse(JSON.parse((await readInput(path)).toString()));
    return found.fingerprint === fingerprint ? found : undefined;
  } catch (error) {
    if (error instanceof UklError || error instanceof SyntaxError || error instanceof z.ZodError) {
      return undefined;
    }
    throw error;
  }
}

/** Without a writable cache directory each run tries anew. */
async function keep(path: string, results: z.infer<typeof kept>): Promise<void> {
  await writeOutput(path, `${JSON.stringify(results, null, 2)}\n`).catch(orNothing);
}

function orNothing(error: unknown): undefined {
  if (!(error instanceof UklError)) throw error;
  return undefined;
}
