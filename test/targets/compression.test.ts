// SPDX-License-Identifier: MIT
/** Layers and archives in every compression that tools write; the tools themselves make them. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ContainerTarget, containerTarget } from "../../src/targets/container.js";
import { openWorkshop } from "../elf/toolchain.js";
import { tar, writeDockerArchive, writeLayout } from "./layout.js";

const workshop = openWorkshop();
let count = 0;
const at = (name: string) => join(workshop.directory, name);

const by =
  (tool: string, ...args: string[]) =>
  (bytes: Uint8Array) =>
    execFileSync(tool, [...args, "-c"], { input: bytes, maxBuffer: 1 << 28 });
const zstd = by("zstd", "-q");
/** RFC 8878, 3.1.2: a frame of metadata, as zstd:chunked has it. */
const skippable = Buffer.from("5a2a4d180400000077777777", "hex");
/** Halves, each compressed: as pigz, eStargz and zstd:chunked write, so that parts can be read alone. */
const inParts = (compress: (bytes: Uint8Array) => Uint8Array) => (bytes: Uint8Array) =>
  Buffer.concat([compress(bytes.subarray(0, 700)), compress(bytes.subarray(700))]);

async function namesIn(target: string): Promise<readonly string[]> {
  return (await open(target)).view.names("/");
}

function open(target: string): Promise<ContainerTarget> {
  return containerTarget(target, { scratch: at(`scratch-${++count}`), limitBytes: 1 << 20 });
}

const config = { Cmd: ["x"] };
const layers = [[{ name: "a", data: "x".repeat(100_000) }], [{ name: "b", data: "y" }]];
const compressions = {
  gzip: by("gzip"),
  "gzip in parts": inParts(by("gzip")),
  zstd,
  "zstd in parts": inParts(zstd),
  "zstd with metadata in front": (bytes: Uint8Array) => Buffer.concat([skippable, zstd(bytes)]),
  "zstd with metadata behind": (bytes: Uint8Array) => Buffer.concat([zstd(bytes), skippable]),
  xz: by("xz"),
  bzip2: by("bzip2"),
  nothing: (bytes: Uint8Array) => bytes,
};

describe.each(Object.entries(compressions))("compressed by %s", (name, compress) => {
  test("layers are read, whatever their media types say", async () => {
    expect(await namesIn(await writeLayout(at(`layout-${++count}`), { layers, config, compress }))).toEqual([
      "a",
      "b",
    ]);
  });

  test("an archive of an image is read", async () => {
    const path = await writeDockerArchive(at(`saved-${++count}`), { layers, config });
    writeFileSync(path, compress(execFileSync("cat", [path], { maxBuffer: 1 << 28 })));
    expect(await namesIn(`docker-archive:${path}`)).toEqual(["a", "b"]);
  });

  test("a layer of nothing is none", async () => {
    const image = { layers: [Buffer.alloc(0), ...layers], config, compress };
    expect(await namesIn(await writeLayout(at(`layout-${++count}`), image))).toEqual(["a", "b"]);
  });

  test("a layer that breaks off is refused", async () => {
    const cut = (bytes: Uint8Array) => compress(bytes).subarray(0, name === "nothing" ? 50_000 : -12);
    const parts = { layers: layers.slice(0, 1), config, compress: cut };
    // Where only the metadata behind it is cut, nothing is missing.
    const outcome = open(await writeLayout(at(`layout-${++count}`), parts));
    if (name.endsWith("behind")) await expect(outcome).resolves.toBeDefined();
    else await expect(outcome).rejects.toMatchObject({ code: "UKL-230" });
  });

  test("a layer that unpacks to too much is refused", async () => {
    const parts = { layers: [[{ name: "zeros", data: Buffer.alloc(4 << 20) }]], config, compress };
    const outcome = open(await writeLayout(at(`layout-${++count}`), parts));
    await expect(outcome).rejects.toMatchObject({ code: "UKL-234" });
  });
});

describe("what docker save wrote once, with links to what is stored already,", () => {
  const archive = async (target: string) => {
    const layer = await tar([{ name: "a", data: "x" }]);
    const digest = execFileSync("sha256sum", { input: layer, encoding: "utf8" }).slice(0, 64);
    const digests = [`sha256:${digest}`, `sha256:${digest}`, `sha256:${digest}`];
    const image = { architecture: "amd64", os: "linux", config, rootfs: { diff_ids: digests } };
    const manifest = [{ Config: "c.json", Layers: ["one/layer.tar", "two/layer.tar", "one/layer.tar"] }];
    const path = at(`linked-${++count}.tar`);
    const members = [
      { name: "one/layer.tar", type: "symlink", linkname: target } as const,
      { name: "two/layer.tar", type: "symlink", linkname: "../one/layer.tar" } as const,
      { name: "hex.tar", data: layer },
      { name: "c.json", data: JSON.stringify(image) },
      { name: "manifest.json", data: JSON.stringify(manifest) },
    ];
    writeFileSync(path, await tar(members));
    return path;
  };

  test("is read, one layer several times", async () => {
    expect(await namesIn(await archive("../hex.tar"))).toEqual(["a"]);
  });

  test.each(["../../hex.tar", "/etc/passwd", "../../../../etc/passwd"])(
    "is refused where one leads to %s",
    async (target) => {
      await expect(open(await archive(target))).rejects.toMatchObject({ code: "UKL-233" });
    },
  );
});
