// SPDX-License-Identifier: MIT
/**
 * Where guests that run by themselves are written down: a directory each, with its state in `guest.json` and what its
 * machine needs beside it.
 *
 * Directories come and go under one lock, which is held for moments. So what has a directory but no state, when the
 * lock is ours, was left by somebody who was killed between the two.
 */
import { access, constants, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { UklError } from "../errors.js";
import { isSystemError, writeFailed, writeOutput } from "../host/files.js";
import { withLock } from "../host/lock.js";
import { isRunning } from "../host/process.js";
import { parseJson } from "../json.js";
import { nearest } from "../nearest.js";
import { type GuestState, guestName, guestState } from "./state.js";

/** The name of a guest that has to have this one, or any like it. */
export type WantedName = { readonly exactly: string } | { readonly like: string };

const stateFile = "guest.json";

export class GuestStore {
  constructor(readonly root: string) {}

  directory(name: string): string {
    return join(this.root, name);
  }

  /** The names of all guests, in their order. */
  async names(): Promise<readonly string[]> {
    const entries = await readdir(this.root, { withFileTypes: true }).catch((error: unknown) => {
      if (isAbsence(error)) return [];
      throw unreadableState("the guests cannot be listed", this.root, error);
    });
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .map(({ name }) => name)
      .sort();
  }

  /** Throws UKL-611, UKL-615, and UKL-618 for a guest that may be there. */
  async read(name: string): Promise<GuestState> {
    const text = guestName.test(name) ? await this.#readText(name) : undefined;
    if (text === undefined) throw noSuchGuest(name, await this.names());
    const parsed = guestState.safeParse(parseJson(text));
    if (parsed.success && parsed.data.name === name) return parsed.data;
    throw damaged(name, this.#stateFile(name));
  }

  /** Undefined where there is no such file. */
  async #readText(name: string): Promise<string | undefined> {
    const path = this.#stateFile(name);
    return readFile(path, "utf8").catch((error: unknown) => {
      if (isAbsence(error)) return undefined;
      throw unreadableState(`the state of the guest ${name} cannot be read`, path, error);
    });
  }

  /** Takes a name, and writes down what is known of its guest. Throws UKL-612, UKL-402 and UKL-403. */
  async claim(wanted: WantedName, state: Omit<GuestState, "name">): Promise<GuestState> {
    return this.#locked(async () => {
      await this.#sweep();
      const name = await this.#freeName(wanted);
      await mkdir(this.directory(name), { mode: 0o700 });
      const claimed = { ...state, name };
      await this.#write(claimed);
      return claimed;
    });
  }

  /** Writes down what has become of a guest. Throws UKL-611 when it was removed meanwhile. */
  async update(state: GuestState): Promise<void> {
    await this.#locked(async () => {
      if (!(await this.#isStill(state))) throw noSuchGuest(state.name, await this.names());
      await this.#write(state);
    });
  }

  /** Without a state it is removed whatever is in its directory. */
  async remove(name: string, state?: GuestState): Promise<void> {
    await this.#locked(async () => {
      if (state === undefined || (await this.#isStill(state))) await this.#remove(name);
    });
  }

  /** The name may be another guest's meanwhile. */
  async #isStill({ name, starter, startedAt }: GuestState): Promise<boolean> {
    const now = await this.read(name).catch((error: unknown) => {
      if (error instanceof UklError && error.code !== "UKL-618") return undefined;
      throw error;
    });
    return now?.startedAt === startedAt && now.starter.pid === starter.pid;
  }

  async #write(state: GuestState): Promise<void> {
    await writeOutput(this.#stateFile(state.name), `${JSON.stringify(state, undefined, 2)}\n`, 0o600);
  }

  async #remove(name: string): Promise<void> {
    // The state first: a directory without it is nobody's.
    await rm(this.#stateFile(name), { force: true });
    await rm(this.directory(name), { recursive: true, force: true });
  }

  async #freeName(wanted: WantedName): Promise<string> {
    const taken = new Set(await this.names());
    if ("exactly" in wanted) {
      if (taken.has(wanted.exactly)) throw await this.#nameInUse(wanted.exactly);
      return wanted.exactly;
    }
    let name = wanted.like;
    for (let number = 2; taken.has(name); number++) name = `${wanted.like}-${number}`;
    return name;
  }

  async #nameInUse(name: string): Promise<UklError> {
    const { image, startedAt } = await this.read(name);
    return new UklError("UKL-612", {
      what: `there is a guest ${name} already`,
      cause: `it was started from ${image} at ${startedAt}`,
      fix: `take another name with --guest, or remove that one: ukl rm --force ${name}`,
    });
  }

  /** Removes what a start left behind that was broken off. */
  async #sweep(): Promise<void> {
    for (const name of await this.names()) {
      const state = await this.read(name).catch((error: unknown) => {
        if (error instanceof UklError) return error.code;
        throw error;
      });
      const isLeftover =
        typeof state === "string"
          ? state === "UKL-611"
          : state.machine === undefined && !(await isRunning(state.starter));
      if (isLeftover) await this.#remove(name);
    }
  }

  #stateFile(name: string): string {
    return join(this.directory(name), stateFile);
  }

  async #locked<T>(work: () => Promise<T>): Promise<T> {
    try {
      await mkdir(this.root, { recursive: true, mode: 0o700 });
      await access(this.root, constants.W_OK);
    } catch (error) {
      throw writeFailed(this.root, error);
    }
    return withLock(join(this.root, ".lock"), work);
  }
}

function isAbsence(error: unknown): boolean {
  return isSystemError(error) && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

function unreadableState(what: string, path: string, error: unknown): UklError {
  return new UklError(
    "UKL-618",
    {
      what,
      cause: error instanceof Error ? error.message : String(error),
      fix: `check the permissions of ${path}, and the file system that it is on`,
    },
    { cause: error },
  );
}

function noSuchGuest(name: string, names: readonly string[]): UklError {
  const [best] = nearest(name, names);
  return new UklError("UKL-611", {
    what: `there is no guest ${name}`,
    cause: names.length === 0 ? "there is none at all" : `there are ${names.join(", ")}`,
    fix:
      best !== undefined && best.distance <= 2
        ? `perhaps ${best.candidate} is meant`
        : "list them with 'ukl ps --all', or start one with 'ukl run -d'",
  });
}

function damaged(name: string, path: string): UklError {
  return new UklError("UKL-615", {
    what: `the state of the guest ${name} is damaged`,
    cause: `${path} was changed by something else`,
    fix: `end its machine if it still runs, a QEMU whose working directory that is; then remove it: ukl rm --force ${name}`,
  });
}
