// SPDX-License-Identifier: MIT
/** The servers whose clients are known: what they are started with, one exchange, and a load. */
import { packageFile } from "../host/places.js";

/** A request, and by what its answer is known to be right and whole. */
export interface Exchange {
  readonly request: string;
  readonly answer: RegExp;
}

interface Load {
  /** The server's usual client, which is a program of this host. */
  readonly tool: string;
  readonly args: readonly string[];
  /** Reads what it printed and what is in its file; undefined where that is not what is expected of it. */
  readonly read: (stdout: string) => LoadResult | undefined;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly medianMs: number;
  /** 99 of 100 requests take no longer. */
  readonly slowMs: number;
}

export interface Server {
  readonly port: number;
  /** Of the program, where the user gives none. */
  readonly args: readonly string[];
  /** Guest path to host path. */
  readonly files: Readonly<Record<string, string>>;
  readonly exchange: Exchange;
  /** What an exchange is called. */
  readonly unit: string;
  /** `file` is for what the client does not print. */
  readonly load: (address: string, port: number, requests: number, file: string) => Load;
}

const connections = 20;

/** By the name of the program. */
export const servers: Readonly<Record<string, Server>> = {
  "redis-server": {
    port: 6379,
    // Its housekeeping, ten times a second by default, would be counted with the requests.
    args: ["--save", "", "--protected-mode", "no", "--hz", "1"],
    files: {},
    exchange: { request: "*2\r\n$3\r\nGET\r\n$6\r\ncolour\r\n", answer: /^\$-1\r\n$/ },
    unit: "GET",
    load: (address, port, requests) => ({
      tool: "redis-benchmark",
      args: [
        ...["-h", address, "-p", String(port), "-t", "set,get"],
        ...["-n", String(requests), "-c", String(connections), "--csv"],
      ],
      read: readRedisBenchmark,
    }),
  },
  nginx: {
    port: 80,
    args: ["-c", "/etc/nginx/bench.conf"],
    files: {
      "/etc/nginx/bench.conf": packageFile("bench", "nginx.conf"),
      "/srv/page.txt": packageFile("bench", "page.txt"),
    },
    exchange: {
      request: "GET /page.txt HTTP/1.1\r\nHost: guest\r\n\r\n",
      answer: /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\na page of some bytes\n$/,
    },
    unit: "page",
    load: (address, port, requests, file) => ({
      tool: "ab",
      args: [
        ...["-q", "-k", "-n", String(requests), "-c", String(connections)],
        // The percentiles, of which it prints whole milliseconds.
        ...["-e", file, `http://${address}:${port}/page.txt`],
      ],
      read: readApacheBench,
    }),
  },
};

/** The line of GET: rate, then mean, least, 50th, 95th, 99th percentile and most in ms. */
export function readRedisBenchmark(stdout: string): LoadResult | undefined {
  const line = /^"GET",(.*)$/m.exec(stdout)?.[1] ?? "";
  const [perSecond, , , medianMs, , slowMs] = [...line.matchAll(/"([\d.]+)"/g)].map(([, text]) =>
    Number(text),
  );
  return checked(perSecond, medianMs, slowMs);
}

export function readApacheBench(stdout: string): LoadResult | undefined {
  const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1]);
  // A request that failed was not served.
  if (number(/^Failed requests: +(\d+)$/m) !== 0 || /^Non-2xx responses:/m.test(stdout)) return undefined;
  return checked(
    number(/^Requests per second: +([\d.]+) /m),
    number(/^50,([\d.]+)$/m),
    number(/^99,([\d.]+)$/m),
  );
}

function checked(perSecond = Number.NaN, medianMs = Number.NaN, slowMs = Number.NaN): LoadResult | undefined {
  return [perSecond, medianMs, slowMs].every(Number.isFinite) ? { perSecond, medianMs, slowMs } : undefined;
}
