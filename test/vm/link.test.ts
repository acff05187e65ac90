// SPDX-License-Identifier: MIT
/** The connection to passt, with passt itself. */
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { start } from "../../src/host/spawn.js";
import { openLink } from "../../src/vm/link.js";
import { passtPlan } from "../../src/vm/network.js";
import { hostLink } from "../../src/vm/passt.js";

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

describe("openLink", () => {
  test("returns when the ports are bound, and passt is gone when it is closed", async () => {
    const port = await freePort();
    const link = await openLink(commandFor(port), scratch);
    const client = connect(port, "127.0.0.1");
    await once(client, "connect");
    client.destroy();
    await link.close();
    const late = connect(port, "127.0.0.1");
    await expect(once(late, "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(await readdir(scratch)).toEqual([]);
  });

  test("leaves to QEMU all that passt says to the guest: first its packet for an early client", async () => {
    const port = await freePort();
    const link = await openLink(commandFor(port), scratch);
    const client = connect(port, "127.0.0.1");
    await once(client, "connect");
    const reader = start({ tool: "sh", args: ["-c", "sleep 0.3; head -c 18 <&4"] }, [link.socket]);
    const [chunk] = (await once(reader.stdout, "data")) as [Buffer];
    await reader.ended;
    client.destroy();
    await link.close();
    // Its length, then the guest's own hardware address and not everybody's, passt's, and the type.
    expect(chunk.subarray(4, 10).toString("hex")).toBe("52550a00020f");
    expect(chunk.subarray(16, 18).toString("hex")).toBe("0800");
  });

  test("says what passt complained of, and leaves nothing", async () => {
    await expect(
      openLink({ tool: "passt", args: ["--interface", "nosuch0"] }, scratch),
    ).rejects.toMatchObject({
      code: "UKL-608",
      detail: { cause: expect.stringContaining("nosuch0") },
    });
    expect(await readdir(scratch)).toEqual([]);
  });
});
