// SPDX-License-Identifier: MIT
/** The network of a run: planned from the image and what is asked, connected, and told to the guest. */
import { readFile } from "node:fs/promises";
import { UklError } from "./errors.js";
import { compileHelper } from "./host/helpers.js";
import { identifyTool } from "./host/machine.js";
import { checkPorts } from "./host/ports.js";
import type { Manifest } from "./manifest.js";
import { distinctPorts, type PortMapping, parsePort } from "./network-options.js";
import { networkFiles } from "./rootfs/network.js";
import type { RootFile } from "./rootfs/root.js";
import { hasOption } from "./specialise/lacking.js";
import { consoleFile } from "./vm/console-file.js";
import { openLink } from "./vm/link.js";
import type { ConsoleOptions } from "./vm/machine.js";
import { type NetworkHost, type NetworkPlan, planNetwork } from "./vm/network.js";
import { passtAbility } from "./vm/passt-ability.js";

interface NetworkRequest {
  readonly ports?: readonly string[];
  readonly net?: string;
  readonly instructionCount?: boolean;
  readonly onNote?: (text: string) => void;
}

export interface PlannedNetwork {
  readonly plan: NetworkPlan;
  readonly ports: readonly PortMapping[];
  readonly portWords: readonly string[];
  readonly onNote: (text: string) => void;
}

/** A network that is ready for its machine. */
export interface Network {
  readonly plan: NetworkPlan;
  /** As written for -p. */
  readonly ports: readonly string[];
  /** What the machine is started with. */
  readonly console: Pick<ConsoleOptions, "connection" | "onStart">;
  /**
   * For a machine that runs by itself, when its application starts: instead of `onStart`. Where somebody asked for the
   * network, the machine's process ends when passt does.
   */
  detach(directory: string, machine: number): Promise<void>;
  close(): Promise<void>;
}

const thisHost: NetworkHost = {
  tryPasst: () => passtAbility(),
  async backlogLibrary() {
    try {
      const path = await compileHelper("backlog");
      // What ld.so(8) takes for the end of a name.
      return /[ :]/.test(path) ? undefined : path;
    } catch (error) {
      if (error instanceof UklError) return undefined;
      throw error;
    }
  },
};

/** Throws UKL-101, UKL-401, UKL-605 and UKL-608. */
export async function planRunNetwork(manifest: Manifest, request: NetworkRequest): Promise<PlannedNetwork> {
  const portWords = request.ports ?? manifest.run.ports ?? [];
  const ports = distinctPorts(portWords.flatMap((text) => parsePort(text) ?? []));
  // What counts its instructions should count the same ones each time.
  const standard = request.instructionCount ? "none" : "auto";
  const wish = {
    net: request.net ?? manifest.run.net ?? standard,
    ports,
    hasCard: hasOption(manifest.kernel, "CONFIG_VIRTIO_NET"),
    hasIpv6: hasOption(manifest.kernel, "CONFIG_IPV6"),
    usesSockets: manifest.systemCalls?.complete !== true || manifest.systemCalls.names.includes("socket"),
    hasPasst: await identifyTool("passt").then(
      () => true,
      () => false,
    ),
  };
  const plan = await planNetwork(wish, thisHost);
  return { plan, ports, portWords, onNote: request.onNote ?? (() => undefined) };
}

/** Prepares what has to run beside QEMU. Throws UKL-606 and UKL-607; when the application starts also UKL-401, UKL-608. */
export async function connectNetwork(planned: PlannedNetwork, scratch: string): Promise<Network> {
  const { plan, ports, onNote } = planned;
  await checkPorts(ports);
  if (plan.note !== undefined) onNote(plan.note);
  if (plan.helper === undefined) return leaveNetwork(planned);
  const { socket, connect, detach, close } = await openLink(plan.helper, scratch, plan.relay);
  const orNote = (error: unknown) => {
    if (!(error instanceof UklError) || !plan.isOptional) throw error;
    onNote(`no network: ${error.detail.what}: ${error.detail.cause}`);
  };
  return {
    plan,
    ports: planned.portWords,
    console: { connection: socket, onStart: () => connect().catch(orNote) },
    detach: (directory, machine) => {
      const place = { directory, log: consoleFile };
      return detach(plan.isOptional ? place : { ...place, machine }).catch(orNote);
    },
    close,
  };
}

/** With nothing beside QEMU; also for a run that does not happen. */
export async function leaveNetwork({ plan, portWords }: PlannedNetwork): Promise<Network> {
  return { plan, ports: portWords, console: {}, detach: nothing, close: nothing };
}

/** What the guest is told; `name` is its own. */
export async function guestFiles({ plan: { guest } }: Network, name: string): Promise<readonly RootFile[]> {
  if (guest === undefined) return [];
  const resolver = await readFile("/etc/resolv.conf", "utf8").catch(() => "");
  return networkFiles(guest, name, resolver);
}

async function nothing(): Promise<void> {}
