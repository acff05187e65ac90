// SPDX-License-Identifier: MIT
/** The connection to passt, with passt itself. */
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileHelper } from "../../src/host/helpers.js";
import { inheritedFd, start } from "../../src/host/spawn.js";
import { openLink } from "../../src/vm/link.js";
import { passtPlan, relayAddresses } from "../../src/vm/network.js";
import { hostLink, relayCommand } from "../../src/vm/passt.js";

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-link-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

const commandFor = (hostPort: number) => {
  const { helper } = passtPlan([{ protocol: "tcp", hostPort, guestPort: 80 }], hostLink());
  if (helper === undefined) throw new Error("no helper");
  return helper;
};

async function client(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

/** As soon as somebody listens. */
async function patientClient(port: number): Promise<Socket> {
  for (;;) {
    const socket = await client(port).catch(() => undefined);
    if (socket !== undefined) return socket;
    await sleep(10);
  }
}

const refused = { code: "ECONNREFUSED" };

describe("a link", () => {
  test("takes clients from when it is connected until it is closed, and then passt is gone", async () => {
    const port = await freePort();
    const link = await openLink(commandFor(port), scratch);
    await expect(client(port)).rejects.toMatchObject(refused);
    const ended = link.connect();
    (await patientClient(port)).destroy();
    await link.close();
    await ended;
    await expect(client(port)).rejects.toMatchObject(refused);
    expect(await readdir(scratch)).toEqual([]);
  });

  test("brings a client's first packet to the guest's own card", async () => {
    const port = await freePort();
    const link = await openLink(commandFor(port), scratch);
    const ended = link.connect();
    const early = await patientClient(port);
    // A QEMU that reads: the answer to the first question, then the packet, each with four bytes in front.
    const qemu = start(
      { tool: "sh", args: ["-c", `sleep 0.5; head -c 108 <&${inheritedFd}`] },
      { inherited: [link.socket] },
    );
    const chunks: Buffer[] = [];
    qemu.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    await qemu.ended;
    early.destroy();
    await link.close();
    await ended;
    const packet = Buffer.concat(chunks).subarray(46 + 4);
    expect(packet.subarray(0, 6).toString("hex")).toBe("52550a00020f");
    expect(packet.subarray(12, 14).toString("hex")).toBe("0800");
    expect([...packet.subarray(30, 34)]).toEqual([10, 0, 2, 15]);
  });

  test("of a machine that runs by itself takes clients once it is detached, until QEMU's end is closed", async () => {
    const port = await freePort();
    const link = await openLink(commandFor(port), scratch);
    const place = await mkdtemp(join(scratch, "place-"));
    await link.detach({ directory: place, log: "log" });
    (await client(port)).destroy();
    await link.close();
    for (let isOpen = true; isOpen; await sleep(10)) {
      const socket = await client(port).catch(() => undefined);
      socket?.on("error", () => undefined).destroy();
      isOpen = socket !== undefined;
    }
    await rm(place, { recursive: true });
  });

  test("that cannot be detached says what passt complained of", async () => {
    const link = await openLink({ tool: "passt", args: ["--foreground", "--interface", "nosuch0"] }, scratch);
    const place = await mkdtemp(join(scratch, "place-"));
    await expect(link.detach({ directory: place, log: "log" })).rejects.toMatchObject({
      code: "UKL-608",
      detail: { cause: expect.stringContaining("nosuch0") },
    });
    await link.close();
    await rm(place, { recursive: true });
  });

  test("that ends before the guest does is an error, and after it none", async () => {
    const early = await openLink({ tool: "true", args: [] }, scratch);
    await expect(early.connect()).rejects.toMatchObject({ code: "UKL-608" });
    await early.close();

    const place = await mkdtemp(join(scratch, "late-"));
    const late = await openLink({ tool: "true", args: [] }, place);
    const connected = late.connect();
    await late.close();
    await expect(connected).resolves.toBeUndefined();
  });

  test("says what passt complained of", async () => {
    const link = await openLink({ tool: "passt", args: ["--interface", "nosuch0"] }, scratch);
    await expect(link.connect()).rejects.toMatchObject({
      code: "UKL-608",
      detail: { cause: expect.stringContaining("nosuch0") },
    });
    await link.close();
  });

  describe.each(["connect", "detach"] as const)(
    "whose passt is ended by a signal when it starts: %s",
    (way) => {
      /** Ends by SIGSYS as often as that, and then is passt. */
      const failing = async (times: number, port: number) => {
        const place = await mkdtemp(join(scratch, "failing-"));
        const { tool, args } = commandFor(port);
        const script = `echo try >> ${join(place, "tries")}
        [ $(grep -c . ${join(place, "tries")}) -le ${times} ] && kill -SYS $$
        exec "$@"`;
        const link = await openLink({ tool: "sh", args: ["-c", script, "sh", tool, ...args] }, place);
        const running = way === "connect" ? link.connect() : link.detach({ directory: place, log: "log" });
        running.catch(() => undefined);
        return {
          link,
          running,
          place,
          tries: async () => (await readFile(join(place, "tries"), "utf8")).length / 4,
        };
      };

      test("it is tried again", async () => {
        const port = await freePort();
        const { link, running, tries } = await failing(2, port);
        (await patientClient(port)).destroy();
        expect(await tries()).toBe(3);
        await link.close();
        await running;
      });

      test("but not for ever", async () => {
        const { link, running, tries } = await failing(9, await freePort());
        await expect(running).rejects.toMatchObject({
          code: "UKL-608",
          detail: { cause: "it ended with SIGSYS" },
        });
        expect(await tries()).toBe(3);
        await link.close();
      });
    },
  );

  test.each([true, false])(
    "of a machine that runs by itself tells that passt has ended: with it %s",
    async (ends) => {
      const place = await mkdtemp(join(scratch, "ended-"));
      const machine = start({ tool: "sleep", args: ["1000"] });
      const relay = relayCommand(await compileHelper("handshake"), {
        completes: true,
        addresses: relayAddresses,
      });
      // One that is ready, and then is gone.
      const link = await openLink({ tool: "true", args: [] }, place, relay);
      const pid = machine.pid ?? 0;
      await link.detach({ directory: place, log: "log", ...(ends ? { machine: pid } : {}) });
      const log = () => readFile(join(place, "log"), "utf8");
      await expect.poll(log, { timeout: 10_000 }).toMatch(/^passt ended before the guest did: .*\n$/);
      expect(await log()).toContain(ends ? "the machine was ended" : "the guest has no network any more");
      if (!ends) machine.kill();
      expect(await machine.ended).toMatchObject({ signal: "SIGKILL" });
      await link.close();
    },
  );
});
