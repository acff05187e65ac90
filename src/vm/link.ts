// SPDX-License-Identifier: MIT
/**
 * The connection between QEMU and passt: one end for each, none for us, so that passt ends with QEMU, whatever becomes
 * of us.
 *
 * passt starts when the guest's card is up, and until then clients are refused. It would take them from its start on,
 * but of what it says to a card that is not up QEMU loses some, and passt says it once: clients would wait for ten
 * seconds. For the same reason we speak for the guest first: the frames that wait for passt when it starts tell it the
 * guest's hardware and link-local addresses, without which it says the first words to somebody else.
 */
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UklError } from "../errors.js";
import { startDetached } from "../host/detached.js";
import type { Command } from "../host/exec.js";
import { socketPair } from "../host/socket-pair.js";
import { makeBlocking, type RunningTool, start, type ToolEnd } from "../host/spawn.js";
import { introduction } from "./frames.js";
import { explainPasst } from "./passt-trial.js";

export interface Link {
  /** QEMU's end. */
  readonly socket: Socket;
  /** Starts passt; settles when it ends, which it should not do before QEMU. Rejects with UKL-401 and UKL-608. */
  connect(): Promise<void>;
  /** Starts passt so that it ends with QEMU alone; settles when it is ready. Rejects with UKL-401 and UKL-608. */
  detach(place: DetachedPlace): Promise<void>;
  /** Settles when both ends are closed and passt is gone. */
  close(): Promise<void>;
}

/** Where what passt says stays, and how it becomes known that passt ended before QEMU, if there is a relay to see it. */
interface DetachedPlace {
  readonly directory: string;
  /** The file in it that says so. */
  readonly log: string;
  /** The process that is ended then. */
  readonly machine?: number;
}

const closeTimeoutMs = 1000;
const outputFile = "network";
/** passt of Debian 12 ends by SIGSYS where it has something to complain of, as an ordinary user. */
const attempts = 3;

/** `directory` is for our own use. A relay stands between QEMU and passt, with an end for each. */
export async function openLink(command: Command, directory: string, relay?: Command): Promise<Link> {
  const [ours, theirs] = await socketPair(join(directory, "link"));
  const between = relay === undefined ? undefined : await socketPair(join(directory, "relay"));
  const passtEnd = between?.[1] ?? theirs;
  // passt reads and writes the rest of a frame at once, or loses its place among the frames. Others need not wait.
  const isReady = makeBlocking(passtEnd, relay?.tool);
  isReady.catch(() => undefined);
  const introducer = between?.[0] ?? ours;
  introducer.write(introduction());
  const relayEnds = between === undefined ? [] : [theirs, between[0]];
  const running = new Set<RunningTool>();
  const closing = new AbortController();
  const run = async (command: Command, ends: readonly Socket[], kept: readonly Socket[] = []) => {
    const tool = start(command, { inherited: ends, kept });
    tool.stdout.resume();
    running.add(tool);
    return tool.ended.finally(() => running.delete(tool));
  };
  return {
    socket: ours,
    async connect() {
      await isReady;
      if (closing.signal.aborted) return;
      const relayed = relay === undefined ? [] : [run(relay, relayEnds, relayEnds)];
      for (let left = attempts; ; left--) {
        const end = await Promise.race([run(command, [passtEnd], [passtEnd]), ...relayed]);
        if (end.exitStatus !== undefined && end.exitStatus !== 0) throw notRunning(end);
        // It ends well, or complains of that, when QEMU does, which we may learn a little later.
        await sleep(closeTimeoutMs, undefined, { signal: closing.signal }).catch(() => undefined);
        if (closing.signal.aborted) return;
        if (end.exitStatus === 0) throw notRunning({ ...end, stderr: "it ended before the guest did" });
        if (left === 1) throw notRunning(end);
        // The one before has read that. Without a relay QEMU alone has the end that it could be said at.
        if (!introducer.destroyed) introducer.write(introduction());
      }
    },
    async detach({ directory: place, log, machine }) {
      await isReady;
      const outputs = { directory: place, stdout: outputFile, stderr: outputFile };
      if (relay !== undefined) {
        const told = { ...relay, args: [...relay.args, ...(machine === undefined ? [] : [String(machine)])] };
        const beside = await startDetached(told, {
          ...outputs,
          stderr: log,
          inherited: relayEnds,
          kept: relayEnds,
        });
        beside.go();
        beside.release();
      }
      // Without this word passt leaves its first process, which ends, once it is ready.
      const args = command.args.filter((word) => word !== "--foreground");
      const ends = { inherited: [passtEnd], kept: [passtEnd] };
      for (let left = attempts; ; left--) {
        const tool = await startDetached({ ...command, args }, { ...outputs, ...ends });
        tool.go();
        const status = await tool.ended;
        tool.release();
        if (status.exitStatus === 0) break;
        if (left === 1 || status.exitStatus !== undefined)
          throw notRunning({ ...status, stderr: await readFile(join(place, outputFile), "utf8") });
        introducer.write(introduction());
      }
      // From now on each end is one program's alone, so that each sees when the other one has gone.
      for (const end of [passtEnd, ...relayEnds]) end.destroy();
    },
    async close() {
      closing.abort();
      await isReady.catch(() => undefined);
      for (const end of [ours, theirs, ...(between ?? [])]) end.destroy();
      if (running.size === 0) return;
      const timer = setTimeout(() => {
        for (const tool of running) tool.kill();
      }, closeTimeoutMs);
      await Promise.allSettled([...running].map(({ ended }) => ended));
      clearTimeout(timer);
    },
  };
}

function notRunning(end: ToolEnd): UklError {
  return new UklError("UKL-608", {
    what: "passt, which connects the guest with the network, failed",
    cause: explainPasst(end),
    fix: "if this host does not let users have namespaces of their own, use --net user, or --net none",
  });
}
