// SPDX-License-Identifier: MIT
/** Decides which system calls an image answers without the kernel, and gives a reason for each call. */
import { UklError } from "../errors.js";
import { nearest } from "../nearest.js";
import type { MaskPolicy } from "./policy.js";
import type { UsedCalls } from "./used.js";

/** What the configuration says. */
export interface MaskRequest {
  /** For calls without use; `none` masks only those that are named. Undefined: as is sound. */
  readonly default?: MaskPolicy | "none" | undefined;
  readonly calls: Readonly<Record<string, MaskPolicy | "allow">>;
}

/** The calls of a list or trace, which then stand for those that the inspection found. */
export interface ListedCalls {
  readonly path: string;
  readonly names: readonly string[];
}

interface CallDecision {
  /** `kernel`: the call is made. */
  readonly answer: MaskPolicy | "kernel";
  readonly reason: string;
}

export interface Mask {
  /** Of each call that x86-64 has. */
  readonly decisions: ReadonlyMap<string, CallDecision>;
  /** Of calls without use. */
  readonly policy: MaskPolicy | "none";
  /** Why calls without use are let through although nobody said so. */
  readonly notApplied?: string;
}

/**
 * What the start-up of a static program does not go on without, where it makes them at all. Other calls of it may
 * fail: robust lists, rseq, limits and random numbers have a fall-back. Sources: csu/libc-tls.c, elf/dl-relocate.c
 * and sysdeps/unix/sysv/linux/_exit.c in glibc, src/env/__init_tls.c in musl.
 */
const neededAtStart = ["arch_prctl", "brk", "mprotect", "exit_group"];

/** `known` are the names of x86-64. Throws UKL-113. */
export function chooseMask(
  request: MaskRequest,
  used: UsedCalls,
  listed: ListedCalls | undefined,
  known: readonly string[],
): Mask {
  for (const name of Object.keys(request.calls)) checkName(name, "the mask", known);
  for (const name of listed?.names ?? []) checkName(name, listed?.path ?? "", known);
  const isOpen = used.open !== undefined && listed === undefined;
  const policy = request.default ?? (isOpen ? "none" : "enosys");
  const decisions = new Map(known.map((name) => [name, decide(name)]));
  checkStart(decisions, used);
  const notApplied = request.default === undefined && isOpen ? { notApplied: used.open } : {};
  return { decisions, policy, ...notApplied };

  function decide(name: string): CallDecision {
    const named = request.calls[name];
    const use = used.calls.get(name);
    if (named === "allow") return { answer: "kernel", reason: "the configuration allows it" };
    if (named !== undefined) return { answer: named, reason: "the configuration says so" };
    if (listed?.names.includes(name)) return { answer: "kernel", reason: `it is in ${listed.path}` };
    if (use !== undefined && (listed === undefined || use.byKernel)) {
      return { answer: "kernel", reason: use.evidence };
    }
    if (policy === "none") return { answer: "kernel", reason: "nothing is known to make it; no mask" };
    return {
      answer: policy,
      reason: listed ? `it is not in ${listed.path}` : "nothing that can run makes it",
    };
  }
}

function checkName(name: string, where: string, known: readonly string[]): void {
  if (known.includes(name)) return;
  const names = nearest(name, known).slice(0, 3);
  throw impossible({
    what: `${where} names '${name}', which is not a system call`,
    cause: "x86-64 has no call of that name",
    fix: `did you mean ${names.map(({ candidate }) => candidate).join(", ")}?`,
  });
}

function checkStart(decisions: ReadonlyMap<string, CallDecision>, { calls }: UsedCalls): void {
  const hidden = neededAtStart.filter(
    (name) => calls.get(name)?.atStart && decisions.get(name)?.answer !== "kernel",
  );
  if (hidden.length === 0) return;
  throw impossible({
    what: `the mask hides ${hidden.join(", ")}, which the program needs to start`,
    cause: hidden.map((name) => `${name}: ${calls.get(name)?.evidence}`).join("; "),
    fix: `let ${hidden.length === 1 ? "it" : "them"} through: ${hidden.map((name) => `--mask-call ${name}=allow`).join(" ")}`,
  });
}

function impossible(detail: ConstructorParameters<typeof UklError>[1]): UklError {
  return new UklError("UKL-113", detail);
}
