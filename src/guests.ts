// SPDX-License-Identifier: MIT
/**
 * Guests that run by themselves, from their start to their removal. Nothing of ours stays beside them: what is known
 * of a guest is in its directory, and whether its machine runs, the host's kernel knows.
 */
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { bug, UklError } from "./errors.js";
import type { GuestState } from "./guests/state.js";
import type { GuestStore, WantedName } from "./guests/store.js";
import type { DetachedTool } from "./host/detached.js";
import { identifyProcess, isRunning, killProcess } from "./host/process.js";
import { openImage, type RunRequest, withMachine } from "./run.js";
import { connectNetwork } from "./run-network.js";
import { prepareAttachments } from "./vm/attach.js";
import { lastWords, prepareMachine, readProgress, signalMachine, startMachine } from "./vm/detached.js";
import { type LogPiece, LogReader } from "./vm/log.js";

/** A guest as it is now. */
export interface Guest
  extends Pick<GuestState, "name" | "image" | "mode" | "memory" | "cpus" | "ports" | "startedAt"> {
  readonly state: "starting" | "running" | "exited" | "crashed";
  /** Its application's, when it has exited. */
  readonly exitStatus?: number;
}

export interface StartOptions {
  readonly name: WantedName;
  /** What the user calls the image. */
  readonly image: string;
  /** Ends what has not started yet. */
  readonly signal: AbortSignal;
}

/** How long a program killed by us may need, and then QEMU. */
const killedMs = 2000;
const goneMs = 5000;
const pollMs = 50;
const statusOfKilled = 128 + constants.signals.SIGKILL;

/** Returns the guest's name once its application starts. Throws what `run` throws, UKL-612, and `signal`'s reason. */
export async function startGuest(
  store: GuestStore,
  request: RunRequest,
  { name, image, signal }: StartOptions,
): Promise<string> {
  const starter = await identifyProcess(process.pid);
  if (starter === undefined) throw bug("this process is not to be found", "/proc has no entry of it");
  const opened = request.image ?? (await openImage(request.imagePath));
  const { stopSignal } = opened.manifest.application;
  return withMachine(
    { ...request, image: opened },
    connectNetwork,
    async (machine, network, { application }) => {
      if (request.attachments !== undefined) await prepareAttachments(request.attachments, application.user);
      const { bootMode: mode = "unikernel", memory = "128M", cpus = 1 } = machine;
      const startedAt = new Date().toISOString();
      const ports = [...network.ports];
      const stops = stopSignal === undefined ? {} : { stopSignal };
      const known = { image, mode, memory, cpus, ports, startedAt, starter, wasEnded: false, ...stops };
      const state = await store.claim(name, known);
      const directory = store.directory(state.name);
      let tool: DetachedTool | undefined;
      try {
        const { connection } = network.console;
        tool = await prepareMachine(machine, directory, connection === undefined ? [] : [connection]);
        await store.update({ ...state, machine: tool.identity });
        await startMachine(tool, machine, directory, signal);
        await network.detach(directory, tool.identity.pid);
        return state.name;
      } catch (error) {
        if (tool !== undefined) await killProcess(tool.identity);
        await store.remove(state.name, state);
        throw error;
      } finally {
        tool?.release();
      }
    },
  );
}

/** Throws UKL-611 and UKL-615. */
export async function lookAt(store: GuestStore, name: string): Promise<Guest> {
  const state = await store.read(name);
  const { mode, memory, cpus, ports, image, startedAt } = state;
  return { name, mode, memory, cpus, ports, image, startedAt, ...(await condition(store, state)) };
}

async function condition(store: GuestStore, state: GuestState): Promise<Pick<Guest, "state" | "exitStatus">> {
  const { machine, starter } = state;
  // In this order: what the machine says, it says before it is gone.
  const runs = await isRunning(machine ?? starter);
  const { hasStarted, exitStatus } = await readProgress(store.directory(state.name));
  if (runs) return { state: hasStarted ? "running" : "starting" };
  if (exitStatus !== undefined) return { state: "exited", exitStatus };
  return state.wasEnded ? { state: "exited", exitStatus: statusOfKilled } : { state: "crashed" };
}

/** Throws UKL-611, UKL-613, UKL-615 and UKL-616. */
export async function signalGuest(store: GuestStore, name: string, signal: number): Promise<void> {
  const guest = await lookAt(store, name);
  if (guest.state !== "running") throw notRunning(guest);
  const directory = store.directory(name);
  if (!(await readProgress(directory)).listens) {
    throw new UklError("UKL-616", {
      what: `the guest ${name} takes no signals`,
      cause: "it found no line for them: its image is older than those, or something took the line away",
      fix: `build ${guest.image} again`,
    });
  }
  if (!(await signalMachine(directory, signal))) throw notRunning(await lookAt(store, name));
}

export interface StopOptions {
  /** What the program gets first, instead of what its image asks for, or SIGTERM. */
  readonly signal?: number;
  readonly graceMs: number;
}

/**
 * Ends a guest: its program by a signal, then by SIGKILL, so that the machine still writes back what it has to; and
 * where that does not help, the machine. Does nothing to one that has ended. Throws UKL-611, UKL-613 and UKL-614.
 */
export async function stopGuest(
  store: GuestStore,
  name: string,
  { signal, graceMs }: StopOptions,
): Promise<void> {
  const state = await startedState(store, name);
  const directory = store.directory(name);
  const { hasStarted, listens } = await readProgress(directory);
  const steps = [
    { number: signal ?? state.stopSignal ?? constants.signals.SIGTERM, limitMs: graceMs },
    { number: constants.signals.SIGKILL, limitMs: killedMs },
  ];
  for (const { number, limitMs } of hasStarted && listens ? steps : []) {
    if (!(await signalMachine(directory, number))) break;
    if (await hasEnded(state, limitMs)) break;
  }
  if (state.machine !== undefined && (await isRunning(state.machine))) {
    await store.update({ ...state, wasEnded: true });
  }
  await endMachine(state);
}

/** Throws UKL-611, UKL-614, and UKL-617 for a guest that runs unless it may be ended. */
export async function removeGuest(store: GuestStore, name: string, mayEnd: boolean): Promise<void> {
  const state = await startedState(store, name).catch((error: unknown) => {
    if (mayEnd && error instanceof UklError && error.code === "UKL-615") return undefined;
    throw error;
  });
  if (state !== undefined) {
    if (!mayEnd && (await isRunning(state.machine ?? state.starter))) throw stillRunning(name);
    await endMachine(state);
  }
  await store.remove(name, state);
}

/** The exit status of the guest's application, when it has ended. Throws UKL-604, UKL-611 and UKL-615. */
export async function waitForGuest(store: GuestStore, name: string): Promise<number> {
  for (;;) {
    const { state, exitStatus } = await lookAt(store, name);
    if (exitStatus !== undefined) return exitStatus;
    if (state === "crashed") throw await crashed(name, store.directory(name));
    await sleep(pollMs);
  }
}

/** What the guest printed; with `follow` until it has ended. Throws UKL-611 and UKL-615. */
export async function* guestLog(store: GuestStore, name: string, follow: boolean): AsyncGenerator<LogPiece> {
  const state = await store.read(name);
  const log = new LogReader(store.directory(name));
  for (;;) {
    const isLast = !follow || !(await isRunning(state.machine ?? state.starter));
    yield* log.read(isLast);
    if (isLast) return;
    await sleep(pollMs);
  }
}

/** What is written down of a guest whose machine was started. Throws UKL-613 while it is about to be. */
async function startedState(store: GuestStore, name: string): Promise<GuestState> {
  const state = await store.read(name);
  if (state.machine !== undefined || !(await isRunning(state.starter))) return state;
  throw new UklError("UKL-613", {
    what: `the guest ${name} has no machine yet`,
    cause: `process ${state.starter.pid} is about to start it`,
    fix: "try again in a moment, or interrupt that process",
  });
}

async function endMachine(state: GuestState): Promise<void> {
  if (state.machine !== undefined) await killProcess(state.machine);
  if (await hasEnded(state, goneMs)) return;
  throw new UklError("UKL-614", {
    what: `the machine of the guest ${state.name} does not end`,
    cause: `process ${state.machine?.pid} was sent SIGKILL and is still there after ${goneMs / 1000} s`,
    fix: "see with 'ps -o stat,wchan' what the host's kernel keeps it for",
  });
}

/** Whether the machine is gone, or goes within this time. */
async function hasEnded({ machine }: GuestState, limitMs: number): Promise<boolean> {
  const endMs = performance.now() + limitMs;
  while (machine !== undefined && (await isRunning(machine))) {
    if (performance.now() > endMs) return false;
    await sleep(pollMs);
  }
  return true;
}

function notRunning({ name, state, exitStatus }: Guest): UklError {
  return new UklError("UKL-613", {
    what: `the guest ${name} is not running`,
    cause: exitStatus === undefined ? `it is ${state}` : `it has exited with status ${exitStatus}`,
    fix: "see 'ukl ps --all'",
  });
}

function stillRunning(name: string): UklError {
  return new UklError("UKL-617", {
    what: `the guest ${name} was not removed`,
    cause: "it is running",
    fix: `end it first with 'ukl stop ${name}', or remove it with --force`,
  });
}

async function crashed(name: string, directory: string): Promise<UklError> {
  return new UklError("UKL-604", {
    what: `the guest ${name} ended without an exit status`,
    cause: await lastWords(directory),
    fix: "see whether something ended its QEMU, or the kernel panicked",
  });
}
