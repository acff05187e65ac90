// SPDX-License-Identifier: MIT
/** What one function does, as far as one look at each of its instructions tells (scanner/scan.ts). */
import type { Module } from "./module.js";
import { RecordKind, type SeeReference, type SiteKind, siteKinds } from "./records.js";
import type { ScanFacts } from "./tables.js";

export interface SyscallSite {
  readonly at: number;
  readonly kind: SiteKind;
}

/** Among the records of all functions, from the first up to the end. */
interface RecordRange {
  readonly firstRecord: number;
  readonly endRecord: number;
}

export interface FunctionScan extends RecordRange {
  readonly start: number;
  readonly end: number;
  readonly sites: readonly SyscallSite[];
  readonly returns: boolean;
  /** Jumps whose targets the instruction does not tell: tables, or calls of pointers in tail position. */
  readonly indirectJumps: boolean;
  /** Calls of a pointer that a register or a table holds. */
  readonly indirectCalls: boolean;
}

/** Bits, as in scanner/scan.ts. */
export const does = { return: 1, jumpIndirectly: 2, callIndirectly: 4, callSystem: 8 } as const;

const noSites: readonly SyscallSite[] = [];

export function describeScan(
  { module, start }: { readonly module: Module; readonly start: number },
  { end, firstRecord, endRecord, does: done }: ScanFacts,
): FunctionScan {
  return {
    start,
    end,
    sites: done & does.callSystem ? sitesIn(module, start, firstRecord, endRecord) : noSites,
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
export function eachReference({ scanner }: Module, scan: RecordRange, see: SeeReference): void {
  for (let record = scan.firstRecord; record < scan.endRecord; record++) {
    const kind = scanner.kindOf(record);
    if (kind <= RecordKind.store) see(scanner.targetOf(record), kind, scanner.sizeOf(record));
  }
}
