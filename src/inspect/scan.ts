// SPDX-License-Identifier: MIT
/** What one function does, as far as one look at each of its instructions tells (scanner/scan.ts). */
import { type Module, nextStart, rangeAt } from "./module.js";
import { RecordKind, type SeeReference, type SiteKind, siteKinds } from "./records.js";

export interface SyscallSite {
  readonly at: number;
  readonly kind: SiteKind;
}

export interface FunctionScan {
  readonly start: number;
  readonly end: number;
  readonly sites: readonly SyscallSite[];
  /** Among those of all, from the first up to the end. */
  readonly firstRecord: number;
  readonly endRecord: number;
  readonly returns: boolean;
  /** Jumps whose targets the instruction does not tell: tables, or calls of pointers in tail position. */
  readonly indirectJumps: boolean;
  /** Calls of a pointer that a register or a table holds. */
  readonly indirectCalls: boolean;
}

/** Bits, as in scanner/scan.ts. */
const does = { return: 1, jumpIndirectly: 2, callIndirectly: 4, callSystem: 8 } as const;

const noSites: readonly SyscallSite[] = [];

/** The known range of a function is scanned; where there is none, up to the end of its flow or the next function. */
export function scanFunction(module: Module, start: number): FunctionScan {
  const { scanner } = module;
  const firstRecord = scanner.recordsEnd;
  const code = module.code.find((each) => start >= each.start && start - each.start < each.sizeBytes);
  if (code === undefined) return describe(start, start, firstRecord, firstRecord, 0, noSites);
  const range = rangeAt(module, start);
  // A target inside a range is an entry of its own, and one range covers the whole procedure linkage table.
  const bound = range?.end ?? nextStart(module, start);
  const end = start + scanner.scan(code, start, bound, range?.start === start);
  const { recordsEnd, does: done } = scanner;
  const sites = done & does.callSystem ? sitesIn(module, start, firstRecord, recordsEnd) : noSites;
  return describe(start, end, firstRecord, recordsEnd, done, sites);
}

function describe(
  start: number,
  end: number,
  firstRecord: number,
  endRecord: number,
  done: number,
  sites: readonly SyscallSite[],
): FunctionScan {
  return {
    start,
    end,
    sites,
    firstRecord,
    endRecord,
    returns: (done & does.return) !== 0,
    indirectJumps: (done & does.jumpIndirectly) !== 0,
    indirectCalls: (done & does.callIndirectly) !== 0,
  };
}

function sitesIn({ scanner }: Module, start: number, first: number, end: number): readonly SyscallSite[] {
  const sites: SyscallSite[] = [];
  for (let record = first; record < end; record++) {
    const kind = siteKinds[scanner.kindOf(record) - RecordKind.syscall];
    if (kind !== undefined) sites.push({ at: start + scanner.distanceOf(record), kind });
  }
  return sites;
}

/** Tells each address that a function mentions. */
export function eachReference({ scanner }: Module, scan: FunctionScan, see: SeeReference): void {
  for (let record = scan.firstRecord; record < scan.endRecord; record++) {
    const kind = scanner.kindOf(record);
    if (kind <= RecordKind.store) see(scanner.targetOf(record), kind, scanner.sizeOf(record));
  }
}
