// SPDX-License-Identifier: MIT
/** How host names and limits are written, on the command line, in a configuration and in a manifest. */

/** As setrlimit(2) takes them: numbers in decimal, or `unlimited`. */
export interface Limit {
  readonly soft: string;
  readonly hard: string;
}

/** asm-generic/resource.h, by the names of `docker run --ulimit`. */
export const limitNumbers: Readonly<Record<string, number>> = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
};

/** `SOFT[:HARD]`, each a number, `unlimited` or -1; undefined for what is neither. */
export function parseLimit(text: string): Limit | undefined {
  const values = text.split(":").map(limitValue);
  const [soft, hard = soft] = values;
  if (soft === undefined || hard === undefined || values.length > 2 || values.includes(undefined))
    return undefined;
  return isWithin(soft, hard) ? { soft, hard } : undefined;
}

function limitValue(text: string): string | undefined {
  if (text === "unlimited" || text === "-1") return "unlimited";
  return /^\d{1,18}$/.test(text) ? String(BigInt(text)) : undefined;
}

function isWithin(soft: string, hard: string): boolean {
  return hard === "unlimited" || (soft !== "unlimited" && BigInt(soft) <= BigInt(hard));
}

/** RFC 1123, section 2.1. */
export const hostnamePattern = /^(?=.{1,64}$)[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/;
