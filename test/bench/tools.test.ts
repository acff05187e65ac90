// SPDX-License-Identifier: MIT
/** What others print and files have, as `ukl bench` reads it. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callSources, readConditions, readCosts } from "../../src/bench/call-costs.js";
import { readKernelImage } from "../../src/bench/kernel-image.js";
import { leastMemoryMib, residentBytes } from "../../src/bench/memory.js";
import { mainAddress } from "../../src/bench/milestones.js";
import { changedOptions } from "../../src/bench/options.js";
import { exchangeMany, firstAnswer } from "../../src/bench/requests.js";
import { readApacheBench, readRedisBenchmark } from "../../src/bench/servers.js";

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-bench-test-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe("the program that measures system calls", () => {
  let program: string;
  beforeAll(() => {
    program = join(scratch, "calls");
    execFileSync("gcc", ["-O2", "-o", program, ...callSources]);
  });

  test("runs on the host, and each call has a cost", () => {
    const costs = readCosts(execFileSync(program, { encoding: "utf8" }));
    expect([...costs.keys()]).toEqual(
      expect.arrayContaining(["null (getppid)", "page fault", "fork, exit and wait", "select of 1000 files"]),
    );
    // What copies a mebibyte takes longer than what copies a page, and a process longer than a call.
    const cost = (name: string) => costs.get(name) ?? Number.NaN;
    expect(cost("read of 1 MiB from a file")).toBeGreaterThan(cost("read of 4 KiB from a file"));
    expect(cost("fork, exit and wait")).toBeGreaterThan(10 * cost("null (getppid)"));
    expect(cost("poll of 1000 files")).toBeGreaterThan(cost("poll of 10 files"));
  });

  test("tells the conditions that the host has", () => {
    const conditions = readConditions(execFileSync(program, ["conditions"], { encoding: "utf8" }));
    const uname = execFileSync("uname", ["-r"], { encoding: "utf8" }).trim();
    expect(conditions).toMatchObject({ "kernel release": uname });
    expect(readCostsCode("condition a: b\n")).toBe("UKL-802");
  });
});

function readCostsCode(output: string): unknown {
  try {
    return readCosts(output);
  } catch (error) {
    return (error as { code: unknown }).code;
  }
}

test.each(["", "a crash\n", "cost null: fast\n"])("no costs: %j", (output) => {
  expect(readCostsCode(output)).toBe("UKL-802");
});

// As redis-benchmark 7.0.15 --csv and ab 2.3 -q -k -e printed them.
const redisOutput = `"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
"SET","20325.20","0.831","0.232","0.711","1.543","2.663","8.047"
"GET","21231.42","0.776","0.240","0.679","1.359","2.431","7.327"
`;
const abOutput = `Complete requests:      100
Failed requests:        0
Keep-Alive requests:    100
Requests per second:    1234.50 [#/sec] (mean)
Percentage served,Time in ms
0,0.160
50,0.391
99,2.006
`;

test("redis-benchmark's GET", () => {
  expect(readRedisBenchmark(redisOutput)).toEqual({ perSecond: 21231.42, medianMs: 0.679, slowMs: 2.431 });
  expect(readRedisBenchmark(redisOutput.replace('"GET"', '"MGET"'))).toBeUndefined();
  expect(readRedisBenchmark("")).toBeUndefined();
});

test("ab's figures, unless a request failed", () => {
  expect(readApacheBench(abOutput)).toEqual({ perSecond: 1234.5, medianMs: 0.391, slowMs: 2.006 });
  expect(
    readApacheBench(abOutput.replace("Failed requests:        0", "Failed requests:        3")),
  ).toBeUndefined();
  expect(readApacheBench(`${abOutput}Non-2xx responses:      100\n`)).toBeUndefined();
  expect(readApacheBench("")).toBeUndefined();
});

test.each([
  ["too short", Buffer.alloc(100), /100 bytes/],
  ["no header", Buffer.alloc(4096), /no header/],
  ["an old protocol", kernel({ protocol: 0x0204 }), /2\.4, older/],
  ["32 bits", kernel({ loadFlags: 0 }), /32-bit/],
])("no kernel image: %s", async (name, bytes, cause) => {
  const path = join(scratch, name);
  await writeFile(path, bytes);
  await expect(readKernelImage(path)).rejects.toMatchObject({
    code: "UKL-801",
    detail: { cause: expect.stringMatching(cause) },
  });
});

test("the version of a kernel image; one that leads out of the file is none", async () => {
  const path = join(scratch, "vmlinuz");
  await writeFile(path, kernel({}));
  expect(await readKernelImage(path)).toEqual({ path, sizeBytes: 4096, version: "6.1.0-56-cloud-amd64" });
  await writeFile(path, kernel({ versionOffset: 0xffff }));
  expect((await readKernelImage(path)).version).toBe("unknown");
});

/** Of Documentation/arch/x86/boot.rst. */
function kernel({ protocol = 0x020f, loadFlags = 1, versionOffset = 0x400 }): Buffer {
  const bytes = Buffer.alloc(4096);
  bytes.writeUInt16LE(0xaa55, 0x1fe);
  bytes.write("HdrS", 0x202);
  bytes.writeUInt16LE(protocol, 0x206);
  bytes.writeUInt16LE(versionOffset, 0x20e);
  bytes.writeUInt16LE(loadFlags, 0x236);
  bytes.write("6.1.0-56-cloud-amd64 (debian) #1 SMP\0", 0x600);
  return bytes;
}

test.each([4, 37, 128])("the least memory is found by halving: %d MiB", async (least) => {
  const tried: number[] = [];
  const boots = async (memoryMib: number) => {
    tried.push(memoryMib);
    return memoryMib >= least;
  };
  expect(await leastMemoryMib(128, boots)).toBe(least);
  expect(tried.length).toBeLessThanOrEqual(7);
});

test("resident memory of a process, as ps has it; of one that is gone there is none", async () => {
  const kib = Number(execFileSync("ps", ["-o", "rss=", "-p", String(process.pid)], { encoding: "utf8" }));
  // A mapping that is there: its size is taken for that of a guest's memory.
  const mappings = execFileSync("cat", [`/proc/${process.pid}/smaps`], {
    encoding: "latin1",
    maxBuffer: 1 << 26,
  });
  const sizes = [...mappings.matchAll(/^Size: +(\d+) kB$/gm)].map(([, size]) => Number(size) / 1024);
  const whole = sizes.find((size) => Number.isInteger(size)) ?? Number.NaN;
  const resident = await residentBytes(process.pid, whole);
  expect((resident?.machine ?? 0) / 1024 / kib).toBeCloseTo(1, 0);
  expect(resident?.guest).toBeLessThanOrEqual(whole * 1024 ** 2);
  expect(await residentBytes(2 ** 22 + 1, 128)).toBeUndefined();
});

test("main of a program that is linked to an address, as nm has it", async () => {
  const source = join(scratch, "empty.c");
  const program = join(scratch, "empty");
  await writeFile(source, "int main(void) { return 0; }\n");
  execFileSync("gcc", ["-static", "-no-pie", "-o", program, source]);
  const symbols = execFileSync("nm", [program], { encoding: "utf8" });
  const addressOf = (name: string) =>
    Number.parseInt(new RegExp(`^(\\w+) T ${name}$`, "m").exec(symbols)?.[1] ?? "", 16);
  const start = addressOf("_start");
  const code = execFileSync(
    "objdump",
    ["-s", "-j", ".text", `--start-address=${start}`, `--stop-address=${start + 64}`, program],
    { encoding: "utf8" },
  );
  const hex = [...code.matchAll(/^ [\da-f]+ ((?:[\da-f]{2,8} )+)/gm)].map(([, words = ""]) =>
    words.replaceAll(" ", ""),
  );
  expect(mainAddress(Buffer.from(hex.join(""), "hex"))).toBe(BigInt(addressOf("main")));
  expect(mainAddress(new Uint8Array(64))).toBeUndefined();
  expect(mainAddress(Buffer.from("48c7c7", "hex"))).toBeUndefined();
});

test("options that differ", () => {
  const classic = "# CONFIG_B is not set\nCONFIG_A=y\nCONFIG_C=250\n";
  const unikernel = "CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=100\n";
  expect(changedOptions(classic, unikernel)).toEqual(["CONFIG_B=n→y", "CONFIG_C=250→100"]);
  expect(changedOptions(classic, classic)).toEqual([]);
});

describe("one connection", () => {
  const exchange = { request: "ping\n", answer: /^pong\n$/ };

  test("each request waits for the answer before it", async () => {
    let [requests, atOnce] = [0, 0];
    await withServer(
      (socket) => {
        socket.on("data", (chunk) => {
          requests += 1;
          atOnce = Math.max(atOnce, chunk.length);
          // In two pieces, as a network may deliver it.
          socket.write("po");
          setTimeout(() => socket.write("ng\n"), 1);
        });
      },
      async (port) => {
        await exchangeMany(port, exchange, 20, 1000);
        expect({ requests, atOnce }).toEqual({ requests: 20, atOnce: "ping\n".length });
      },
    );
  });

  test.each([
    ["silence", (_: Socket) => undefined, /silent/],
    ["a closed connection", (socket: Socket) => socket.end(), /closed|ECONNRESET|EPIPE/],
    ["an answer without end", (socket: Socket) => socket.write("x".repeat(70_000)), /does not end/],
  ])("%s is told", async (_, serve, cause) => {
    await withServer(serve, async (port) => {
      await expect(exchangeMany(port, exchange, 1, 100)).rejects.toMatchObject({
        code: "UKL-802",
        detail: { cause: expect.stringMatching(cause) },
      });
    });
  });

  test("a server that never answers is asked until somebody says to stop", async () => {
    const reason = new Error("enough");
    await withServer(
      (socket) => socket.end(),
      async (port) => {
        const controller = new AbortController();
        setTimeout(() => controller.abort(reason), 50);
        await expect(firstAnswer(port, exchange, controller.signal)).rejects.toThrow();
      },
    );
  });
});

async function withServer(
  serve: (socket: Socket) => void,
  work: (port: number) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    serve(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await work((server.address() as AddressInfo).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}
