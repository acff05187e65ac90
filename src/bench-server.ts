// SPDX-License-Identifier: MIT
/** What `ukl bench` measures of a server under its client. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { compilePlugin, countArguments, readCount } from "./bench/plugins.js";
import type { Reading } from "./bench/readings.js";
import { exchangeMany } from "./bench/requests.js";
import type { LoadResult, Server } from "./bench/servers.js";
import { live } from "./bench-machine.js";
import { type Bench, isTcg, lifeOf, metricsOf, type VariantProbe } from "./bench-probes.js";
import { UklError } from "./errors.js";
import { run } from "./host/exec.js";

/** Of the usual client's load. */
const loadRequests = 5000;
/** So many are counted, after as many that are not: N and 2N. */
const countedRequests = 2000;

/** The usual client of the server, which runs on this host. */
export function loadProbe(bench: Bench, server: Server): VariantProbe {
  const facts = { part: "server", isEmulatedTime: isTcg(bench) } as const;
  const rate = metricsOf({ ...facts, unit: "per second", better: "more" });
  const latency = metricsOf({ ...facts, unit: "ms", better: "less" });
  const { tool } = server.load("", 0, 0, "");
  return {
    ...{ part: "server", step: `load by ${tool}`, isExact: false },
    async measure(variant) {
      let result: LoadResult | undefined;
      const whileUp = async ({ port }: { readonly port: number }) => {
        result = await loadServer(server, port, bench);
      };
      await live(variant, { ...lifeOf(bench), limitMs: 2 * bench.limitMs, whileUp });
      const { perSecond, medianMs, slowMs } = result ?? missing(tool);
      return [
        { ...rate(`${server.unit}s, by ${tool}`), value: perSecond },
        { ...latency(`${server.unit}, half take less, by ${tool}`), value: medianMs },
        { ...latency(`${server.unit}, 99 % take less, by ${tool}`), value: slowMs },
      ];
    },
  };
}

async function loadServer(server: Server, port: number, { scratch, limitMs }: Bench): Promise<LoadResult> {
  const file = join(scratch, "load.txt");
  const { tool, args, read } = server.load("127.0.0.1", port, loadRequests, file);
  const { stdout } = await run({ tool, args }, { timeoutMs: limitMs });
  const result = read(stdout + (await readFile(file, "utf8").catch(() => "")));
  if (result !== undefined) return result;
  throw new UklError("UKL-802", {
    what: `${tool} did not say how fast the server is`,
    cause: stdout === "" ? "it printed nothing" : `it printed: ${stdout.slice(-500)}`,
    fix: `run ${tool} by hand against 'ukl run'`,
  });
}

/** Whole guest, network included: the difference between N and 2N requests on one connection. */
export function requestInstructionsProbe(bench: Bench, server: Server): VariantProbe {
  const named = metricsOf({ part: "server", unit: "instructions", better: "less", isEmulatedTime: false });
  return {
    ...{ part: "server", step: "instructions of requests", isExact: false },
    async measure(variant): Promise<readonly Reading[]> {
      const plugin = await compilePlugin("instruction-count", bench.scratch);
      const output = join(bench.scratch, "count");
      let [before, after] = [0, 0];
      const whileUp = async ({ port }: { readonly port: number }) => {
        await exchangeMany(port, server.exchange, countedRequests, bench.limitMs);
        before = await readCount(output);
        await exchangeMany(port, server.exchange, countedRequests, bench.limitMs);
        after = await readCount(output);
      };
      const { qemuArguments, kernelArguments } = steadyClock;
      const machine = {
        kernelArguments,
        qemuArguments: [...qemuArguments, ...countArguments(plugin, output)],
      };
      await live(variant, { ...lifeOf(bench), limitMs: 2 * bench.limitMs, machine, whileUp });
      if (after <= before) throw notCounted(before, after);
      const name = `each ${server.unit}, one client, whole guest`;
      return [{ ...named(name), value: (after - before) / countedRequests }];
    },
  };
}

function notCounted(before: number, after: number): UklError {
  return new UklError("UKL-802", {
    what: "the instructions of requests were not counted",
    cause: `the plugin counted ${before} before them and ${after} after them`,
    fix: "see whether the server answers to the end with 'ukl run', and try again",
  });
}

/**
 * While the guest works its clock goes by its instructions, so a slow host does not make it take more interrupts of
 * its timer for the same work; while it waits for us, time passes as it does here.
 */
const steadyClock = {
  qemuArguments: ["-icount", "shift=0,sleep=on"],
  kernelArguments: ["tsc_early_khz=1000000"],
} as const;

function missing(tool: string): never {
  throw new UklError("UKL-802", {
    what: `${tool} was not run`,
    cause: "the server ended before it could be",
    fix: "see with 'ukl run' what it prints",
  });
}
