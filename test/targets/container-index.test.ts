// SPDX-License-Identifier: MIT
/** Which image of a layout is taken, in the forms that BuildKit, skopeo, cosign and containerd write. */
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { containerTarget } from "../../src/targets/container.js";
import { openWorkshop } from "../elf/toolchain.js";
import { type Descriptor, type ImageParts, LayoutWriter, tar } from "./layout.js";

const workshop = openWorkshop();
let count = 0;

const image = (text: string, rest: Partial<ImageParts> = {}): ImageParts => ({
  layers: [[{ name: "text", data: text }]],
  config: { Cmd: [text] },
  ...rest,
});
const right = image("right");
const wrong = image("wrong");
const platform = (architecture: string, variant?: string) => ({
  platform: { os: "linux", architecture, ...(variant === undefined ? {} : { variant }) },
});
const named = (name: string) => ({ annotations: { "org.opencontainers.image.ref.name": name } });
const amd64 = platform("amd64");

/** The command of the image that is taken of the entries that `make` gives. */
async function taken(
  make: (layout: LayoutWriter) => Promise<readonly Descriptor[]>,
  suffix = "",
): Promise<string | undefined> {
  const layout = new LayoutWriter(join(workshop.directory, `layout-${++count}`));
  const path = layout.write(await make(layout));
  const scratch = join(workshop.directory, `scratch-${count}`);
  return (await containerTarget(`oci:${path}${suffix}`, { scratch, limitBytes: 1 << 20 })).entrypoint[0];
}

describe("the image is taken beside", () => {
  test.each<[string, Partial<ImageParts>, Readonly<Record<string, unknown>>]>([
    ["an attestation for no platform", {}, { platform: { os: "unknown", architecture: "unknown" } }],
    [
      "an attestation without one",
      {},
      { annotations: { "vnd.docker.reference.type": "attestation-manifest" } },
    ],
    ["an artifact", {}, { artifactType: "application/vnd.example+type" }],
    ["one for another machine", {}, platform("arm64")],
    ["one whose configuration alone says that it is for another", { architecture: "arm64" }, {}],
    ["one for newer processors", {}, platform("amd64", "v3")],
  ])("%s", async (_, parts, extra) => {
    const entries = async (layout: LayoutWriter) => [
      await layout.image({ ...wrong, ...parts }, extra),
      await layout.image(right, amd64),
    ];
    expect(await taken(entries)).toBe("right");
    expect(await taken(async (layout) => [layout.index(await entries(layout))])).toBe("right");
  });

  test("artifacts that only their manifests tell", async () => {
    const artifact = {
      config: { mediaType: "application/vnd.oci.empty.v1+json", digest: `sha256:${"0".repeat(64)}` },
      layers: [],
    };
    expect(
      await taken(async (layout) => [
        layout.document(artifact),
        layout.document({ ...artifact, subject: { digest: "sha256:1" } }),
        await layout.image(right),
      ]),
    ).toBe("right");
  });

  test("a signature that has a tag of its digest", async () => {
    const entries = async (layout: LayoutWriter) => {
      const own = await layout.image(right, { ...amd64, ...named("v1") });
      const tag = `${own.digest.replace(":", "-")}.sig`;
      return [await layout.image(wrong, { ...amd64, ...named(tag) }), own];
    };
    expect(await taken(entries)).toBe("right");
  });

  test("those of other machines that were left where they were", async () => {
    const entries = async (layout: LayoutWriter) => {
      const absent = { digest: `sha256:${"1".repeat(64)}` };
      return [layout.index([{ ...absent, ...platform("arm64") }, absent, await layout.image(right, amd64)])];
    };
    expect(await taken(entries)).toBe("right");
  });
});

test("indexes may be in each other, up to a limit", async () => {
  const nested = (depth: number) => async (layout: LayoutWriter) => {
    let entry = await layout.image(right, amd64);
    for (let level = 0; level < depth; level++) entry = layout.index([entry]);
    return [entry];
  };
  expect(await taken(nested(4))).toBe("right");
  await expect(taken(nested(40))).rejects.toMatchObject({ code: "UKL-230" });
});

test("media types may be absent", async () => {
  const entries = async (layout: LayoutWriter) => [
    { digest: layout.index([await layout.image(right)]).digest },
  ];
  expect(await taken(entries)).toBe("right");
});

test("the only one is taken although it asks for a newer processor", async () => {
  expect(await taken(async (layout) => [await layout.image(right, platform("amd64", "v2"))])).toBe("right");
});

describe("of several", () => {
  test("tags of the same image none has to be named", async () => {
    const entries = async (layout: LayoutWriter) => [
      await layout.image(right, named("a")),
      await layout.image(right, named("b")),
    ];
    expect([await taken(entries), await taken(entries, ":b")]).toEqual(["right", "right"]);
  });

  const entries = async (layout: LayoutWriter) => [
    await layout.image(wrong, named("a")),
    await layout.image(right, named("localhost:5000/some/name:b")),
  ];

  test("images one has to be named, by its tag or its whole name", async () => {
    await expect(taken(entries)).rejects.toMatchObject({ code: "UKL-232" });
    expect(await taken(entries, ":b")).toBe("right");
    expect(await taken(entries, ":localhost:5000/some/name:b")).toBe("right");
    await expect(taken(entries, ":c")).rejects.toMatchObject({ code: "UKL-232" });
  });

  test("images without tags none is guessed", async () => {
    const untagged = async (layout: LayoutWriter) => [await layout.image(wrong), await layout.image(right)];
    await expect(taken(untagged)).rejects.toMatchObject({ code: "UKL-232" });
  });
});

test("an image in an archive of a layout is found", async () => {
  const layout = new LayoutWriter(join(workshop.directory, `layout-${++count}`));
  const path = layout.write([await layout.image(right, named("v1"))]);
  execFileSync("tar", ["-C", path, "-cf", `${path}.tar`, "."]);
  rmSync(path, { recursive: true });
  for (const target of [`${path}.tar`, `oci-archive:${path}.tar`, `oci-archive:${path}.tar:v1`]) {
    const scratch = join(workshop.directory, `scratch-${++count}`);
    expect((await containerTarget(target, { scratch, limitBytes: 1 << 20 })).entrypoint).toEqual(["right"]);
  }
});

test("one of the images in what docker save writes is named by its tag", async () => {
  const members = [];
  const manifest = [];
  for (const [index, text] of ["wrong", "right"].entries()) {
    const layer = await tar([{ name: "text", data: text }]);
    const digest = execFileSync("sha256sum", { input: layer, encoding: "utf8" }).slice(0, 64);
    const config = {
      architecture: "amd64",
      os: "linux",
      config: { Cmd: [text] },
      rootfs: { diff_ids: [`sha256:${digest}`] },
    };
    members.push(
      { name: `${index}.tar`, data: layer },
      { name: `${index}.json`, data: JSON.stringify(config) },
    );
    manifest.push({
      Config: `${index}.json`,
      Layers: [`${index}.tar`],
      RepoTags: [`some/${text}:v${index}`],
    });
  }
  const path = join(workshop.directory, "two.tar");
  writeFileSync(path, await tar([...members, { name: "manifest.json", data: JSON.stringify(manifest) }]));
  const open = (suffix: string) => {
    const scratch = join(workshop.directory, `scratch-${++count}`);
    return containerTarget(`docker-archive:${path}${suffix}`, { scratch, limitBytes: 1 << 20 });
  };
  expect((await open(":some/right:v1")).entrypoint).toEqual(["right"]);
  await expect(open("")).rejects.toMatchObject({ code: "UKL-232" });
});
