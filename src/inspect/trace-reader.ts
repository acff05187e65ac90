// SPDX-License-Identifier: MIT
/**
 * What the processes of a program did, from the lines of strace in their order. Only the program's own processes
 * count: those that it forks, as long as they do not execute another file.
 *
 * A child often makes calls before its parent's fork has returned, and so before it is known whose child it is. What
 * it does until then is kept apart, and added to its parent's when that is told.
 */
import { UklError } from "../errors.js";
import {
  type Abi,
  type CallLine,
  type EndLine,
  executedPath,
  mappedCode,
  readTraceLine,
  type SupersededLine,
} from "./trace-line.js";

interface SeenCall {
  readonly name: string;
  readonly abi: Abi;
  readonly count: number;
}

export interface Seen {
  /** Whether the program was executed at all. */
  readonly started: boolean;
  /** Of the first process; absent in a trace that breaks off. */
  readonly end: EndLine["end"] | undefined;
  readonly calls: readonly SeenCall[];
  /** Those of processes that have passed the mark. */
  readonly markedCalls: readonly SeenCall[];
  /** Files mapped as code. */
  readonly mapped: ReadonlySet<string>;
  /** Other files that its processes became; what was called then is not counted. */
  readonly executed: ReadonlySet<string>;
}

export interface TraceReaderOptions {
  /** Whether a path that was executed names the program. */
  readonly isTarget: (path: string) => boolean;
  /** The call behind which a process is marked; it is not counted itself. For tests, which have one before `main`. */
  readonly isMark?: (line: CallLine) => boolean;
}

/** Not made by the program: the kernel puts it in place of a call that a signal interrupted. */
const kernelMade = "restart_syscall";
const forks = /^(?:clone3?|v?fork)$/;
/** Of processes at a time, and of files: more are not from a trace. */
const processLimit = 1 << 17;
const fileLimit = 1 << 14;

/** Those whose calls count together. */
class Party {
  readonly calls = new Map<string, SeenCall>();
  readonly mapped = new Set<string>();
  readonly executed = new Set<string>();
  /** Which one it turned out to be a part of. */
  joined: Party | undefined;

  add({ name, abi, count }: SeenCall): void {
    const key = `${abi} ${name}`;
    this.calls.set(key, { name, abi, count: count + (this.calls.get(key)?.count ?? 0) });
  }

  addAll(other: Party): void {
    for (const call of other.calls.values()) this.add(call);
    for (const kind of ["mapped", "executed"] as const) {
      for (const path of other[kind]) keep(this[kind], path);
    }
  }

  join(other: Party): void {
    this.joined = other;
    other.addAll(this);
  }
}

/** A call that has begun. */
interface Begun {
  readonly name: string;
  readonly party: Party;
  readonly path: string | undefined;
}

export class TraceReader {
  readonly #options: TraceReaderOptions;
  readonly #own = new Party();
  readonly #marked = new Party();
  readonly #foreign = new Party();
  /** By process. */
  readonly #parties = new Map<string, Party>();
  readonly #begun = new Map<string, Begun>();
  /** Processes whose parent is not known yet. */
  readonly #orphans = new Map<string, Party>();
  #first: string | undefined;
  #started = false;
  #end: EndLine["end"] | undefined;

  constructor(options: TraceReaderOptions) {
    this.#options = options;
  }

  /** Throws UKL-701 for what no program of this machine can have made. */
  read(text: string): void {
    const line = readTraceLine(text);
    if (line?.event === "call" || line?.event === "resumed") this.#readCall(line);
    if (line?.event === "ended") this.#readEnd(line);
    if (line?.event === "superseded") this.#readSuperseded(line);
    if (this.#parties.size + this.#orphans.size > processLimit) {
      throw new UklError("UKL-701", {
        what: "what strace wrote cannot be read",
        cause: `it is about more than ${processLimit} processes at a time`,
        fix: "trace a part of the work that starts fewer",
      });
    }
  }

  seen(): Seen {
    // All descend from the program, and only executing another file makes one another program's.
    for (const orphan of this.#orphans.values()) orphan.join(this.#own);
    this.#orphans.clear();
    const all = new Party();
    for (const party of [this.#own, this.#marked]) all.addAll(party);
    return {
      started: this.#started,
      end: this.#end,
      calls: [...all.calls.values()],
      markedCalls: [...this.#marked.calls.values()],
      mapped: all.mapped,
      executed: all.executed,
    };
  }

  #readCall(line: CallLine): void {
    const { pid, event, name, result } = line;
    if (event === "call" && !this.#begin(line)) return;
    const begun = this.#begun.get(pid);
    if (begun?.name !== name || result === undefined) return;
    this.#begun.delete(pid);
    if (forks.test(name) && result > 0) this.#addChild(String(result), begun.party);
    if (begun.path !== undefined && result === 0) this.#execute(pid, begun.path);
  }

  /** Counts a call, and tells whether it has a result that matters. */
  #begin(line: CallLine): boolean {
    const { pid, name, abi } = line;
    const isFirst = this.#first === undefined;
    if (isFirst) this.#parties.set(pid, this.#own);
    this.#first ??= pid;
    const party = this.#partyOf(pid);
    if (this.#options.isMark?.(line)) {
      if (party === this.#own) this.#parties.set(pid, this.#marked);
      return false;
    }
    const mapped = mappedCode(line);
    if (mapped !== undefined) keep(party.mapped, mapped);
    // The first execve is strace's own: it starts the program.
    if (!isFirst && name !== kernelMade) party.add({ name, abi, count: 1 });
    const path = executedPath(line);
    if (path === undefined && !forks.test(name)) return false;
    this.#begun.set(pid, { name, party, path });
    return true;
  }

  #execute(pid: string, path: string): void {
    const before = this.#partyOf(pid);
    if (path === "/proc/self/exe") {
      if (before === this.#marked) this.#parties.set(pid, this.#own);
      return;
    }
    const isTarget = this.#options.isTarget(path);
    this.#started ||= isTarget;
    if (!isTarget) keep(before.executed, path);
    this.#parties.set(pid, isTarget ? this.#own : this.#foreign);
  }

  #addChild(child: string, party: Party): void {
    const orphan = this.#orphans.get(child);
    const parent = settled(party);
    if (orphan === parent) return; // A lie: nobody is a child of its own.
    this.#orphans.delete(child);
    if (orphan === undefined) this.#parties.set(child, parent);
    else orphan.join(parent);
  }

  #partyOf(pid: string): Party {
    const known = this.#parties.get(pid);
    if (known !== undefined) return settled(known);
    const orphan = new Party();
    this.#orphans.set(pid, orphan);
    this.#parties.set(pid, orphan);
    return orphan;
  }

  #readEnd({ pid, end }: EndLine): void {
    if (pid === this.#first) this.#end = end;
    this.#parties.delete(pid);
    this.#begun.delete(pid);
  }

  #readSuperseded({ pid, by }: SupersededLine): void {
    for (const map of [this.#parties, this.#begun] as Map<string, unknown>[]) {
      if (map.has(by)) map.set(pid, map.get(by));
      map.delete(by);
    }
  }
}

function settled(party: Party): Party {
  let last = party;
  while (last.joined !== undefined) {
    last.joined = last.joined.joined ?? last.joined; // Halves the way for the next one.
    last = last.joined;
  }
  return last;
}

function keep(paths: Set<string>, path: string): void {
  if (paths.size < fileLimit) paths.add(path);
}
