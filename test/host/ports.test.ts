// SPDX-License-Identifier: MIT
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { checkPorts } from "../../src/host/ports.js";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function takeTcp(host?: string): Promise<number> {
  const server = createServer().listen({ port: 0, ...(host === undefined ? {} : { host }) });
  closing.push(() => server.close());
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function takeUdp(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  closing.push(() => socket.close());
  await once(socket, "listening");
  return socket.address().port;
}

const tcp = (hostPort: number, address?: string) => ({
  protocol: "tcp" as const,
  hostPort,
  guestPort: 80,
  ...(address === undefined ? {} : { address }),
});
const udp = (hostPort: number) => ({ protocol: "udp" as const, hostPort, guestPort: 53 });

describe("checkPorts", () => {
  test("finds free ports free, and leaves them so", async () => {
    const port = await takeTcp();
    closing.pop()?.();
    await checkPorts([tcp(port)]);
    await checkPorts([tcp(port), udp(port), tcp(port, "127.0.0.1")]);
  });

  test.each([undefined, "127.0.0.1", "::1"])("names who listens at %s", async (host) => {
    const port = await takeTcp(host);
    await expect(checkPorts([tcp(port)])).rejects.toMatchObject({
      code: "UKL-606",
      detail: {
        what: `port ${port} of this host is taken`,
        cause: expect.stringContaining(`process ${process.pid}`),
      },
    });
  });

  test("takes another address for another port", async () => {
    const port = await takeTcp("127.0.0.1");
    await checkPorts([tcp(port, "127.0.0.2")]);
  });

  test("names who has a UDP port", async () => {
    const port = await takeUdp();
    await expect(checkPorts([udp(port)])).rejects.toMatchObject({
      code: "UKL-606",
      detail: { cause: expect.stringContaining(`process ${process.pid}`) },
    });
    await checkPorts([tcp(port)]);
  });

  test("refuses an address of another host", async () => {
    await expect(checkPorts([tcp(8080, "192.0.2.77")])).rejects.toMatchObject({ code: "UKL-607" });
  });
});
