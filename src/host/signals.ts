// SPDX-License-Identifier: MIT
/** Signals by name or number, as Docker and kill(1) take them. */
import { constants } from "node:os";

/** Of the kernel, from which C libraries keep two for themselves (signal(7)). */
const firstRealTime = 34;
const lastSignal = 64;

/** `QUIT`, `SIGQUIT`, `3`, `RTMIN+3` or `SIGRTMAX-1`; undefined for what is none. */
export function parseSignal(text: string): number | undefined {
  const word = text.toUpperCase().replace(/^SIG/, "");
  const [, end, sign, digits = "0"] = /^(RTMIN|RTMAX)(?:([+-])(\d{1,2}))?$/.exec(word) ?? [];
  if (end !== undefined) {
    const number = (end === "RTMIN" ? firstRealTime : lastSignal) + Number(`${sign ?? "+"}${digits}`);
    return number >= firstRealTime && number <= lastSignal ? number : undefined;
  }
  const names: Readonly<Record<string, number>> = constants.signals;
  const number = /^\d{1,2}$/.test(text) ? Number(text) : names[`SIG${word}`];
  return number !== undefined && number >= 1 && number <= lastSignal ? number : undefined;
}
