// SPDX-License-Identifier: MIT
/** What a scan writes down of a function (scanner/scan.ts): a million records in a large program, so never objects. */

import type { Module } from "./module.js";

/** Of the first three kinds are addresses that code mentions: it takes them, or reads or only writes there. */
export const RecordKind = {
  address: 0,
  load: 1,
  store: 2,
  call: 3,
  jump: 4,
  callThroughWord: 5,
  jumpThroughWord: 6,
  syscall: 7,
  int80: 8,
  sysenter: 9,
} as const;

/** What is mentioned by no record, but a live data object itself (scanner/mentions.ts). */
export const liveObject = 0xff;

/** Told of each address that live code mentions, with the id of the node that does. */
export type SeeMention = (address: number, id: number, module: Module, kind: number) => void;

/** Told of each address that is mentioned, and how much is read or written there at most. */
export type SeeReference = (target: number, kind: number, sizeBytes: number) => void;

export type SiteKind = "syscall" | "int 0x80" | "sysenter";

export const siteKinds: readonly SiteKind[] = ["syscall", "int 0x80", "sysenter"];
