// SPDX-License-Identifier: MIT
/** Small container images, as OCI layouts and as what `docker save` writes, made without any tool of their kind. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Header, pack } from "tar-stream";

export type Member = Partial<Header> & { readonly name: string; readonly data?: string | Uint8Array };

export interface ImageParts {
  readonly layers: readonly (readonly Member[] | Uint8Array)[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly architecture?: string;
  readonly compress?: (tar: Uint8Array) => Uint8Array;
  readonly tag?: string;
  /** Changes blobs after their digests were noted. */
  readonly damage?: (
    blobs: Map<string, Uint8Array>,
    digests: { readonly layers: readonly string[]; readonly config: string },
  ) => void;
}

export async function tar(members: readonly Member[]): Promise<Buffer> {
  const archive = pack();
  for (const { data = "", ...header } of members) archive.entry(header, Buffer.from(data));
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

interface Image {
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  readonly manifest: string;
  readonly config: string;
  readonly layers: readonly string[];
}

async function makeImage({
  layers,
  config = {},
  architecture = "amd64",
  compress = (bytes) => bytes,
  damage,
}: ImageParts): Promise<Image> {
  const blobs = new Map<string, Uint8Array>();
  const add = (bytes: Uint8Array) => {
    const digest = createHash("sha256").update(bytes).digest("hex");
    blobs.set(digest, bytes);
    return digest;
  };
  const tars = await Promise.all(
    layers.map(async (layer) => (layer instanceof Uint8Array ? layer : await tar(layer))),
  );
  const digests = tars.map((bytes) => add(compress(bytes)));
  const diffIds = tars.map((bytes) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`);
  const described = add(
    Buffer.from(
      JSON.stringify({ architecture, os: "linux", config, rootfs: { type: "layers", diff_ids: diffIds } }),
    ),
  );
  const manifest = add(
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        config: { digest: `sha256:${described}` },
        layers: digests.map((digest) => ({ digest: `sha256:${digest}` })),
      }),
    ),
  );
  damage?.(blobs, { layers: digests, config: described });
  return { blobs, manifest, config: described, layers: digests };
}

/** Writes an OCI layout directory. */
export async function writeLayout(directory: string, parts: ImageParts): Promise<string> {
  const { blobs, manifest } = await makeImage(parts);
  const write = (name: string, bytes: Uint8Array | string) => {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), bytes);
  };
  write("oci-layout", '{"imageLayoutVersion":"1.0.0"}');
  const annotations =
    parts.tag === undefined ? {} : { annotations: { "org.opencontainers.image.ref.name": parts.tag } };
  write(
    "index.json",
    JSON.stringify({ schemaVersion: 2, manifests: [{ digest: `sha256:${manifest}`, ...annotations }] }),
  );
  for (const [digest, bytes] of blobs) write(`blobs/sha256/${digest}`, bytes);
  return directory;
}

type Extra = Readonly<Record<string, unknown>>;
export type Descriptor = Extra & { readonly digest: string };

/** A layout with an index of one's own, whose entries say what they are to say. */
export class LayoutWriter {
  readonly #blobs = new Map<string, Uint8Array>();

  constructor(readonly directory: string) {}

  async image(parts: ImageParts, extra: Extra = {}): Promise<Descriptor> {
    const { blobs, manifest } = await makeImage(parts);
    for (const [digest, bytes] of blobs) this.#blobs.set(digest, bytes);
    return {
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: `sha256:${manifest}`,
      ...extra,
    };
  }

  document(value: unknown, extra: Extra = {}): Descriptor {
    const bytes = Buffer.from(JSON.stringify(value));
    const digest = createHash("sha256").update(bytes).digest("hex");
    this.#blobs.set(digest, bytes);
    return { digest: `sha256:${digest}`, ...extra };
  }

  index(manifests: readonly Descriptor[], extra: Extra = {}): Descriptor {
    const mediaType = "application/vnd.oci.image.index.v1+json";
    return this.document({ schemaVersion: 2, mediaType, manifests }, { mediaType, ...extra });
  }

  write(manifests: readonly Descriptor[]): string {
    mkdirSync(join(this.directory, "blobs", "sha256"), { recursive: true });
    writeFileSync(join(this.directory, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
    writeFileSync(join(this.directory, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
    for (const [digest, bytes] of this.#blobs)
      writeFileSync(join(this.directory, "blobs", "sha256", digest), bytes);
    return this.directory;
  }
}

/** Writes what `docker save` does. */
export async function writeDockerArchive(path: string, parts: ImageParts): Promise<string> {
  const { blobs, config, layers } = await makeImage(parts);
  const names = layers.map((digest) => `${digest}/layer.tar`);
  const manifest = [{ Config: `${config}.json`, RepoTags: ["test:latest"], Layers: names }];
  const members = [
    { name: `${config}.json`, data: blobs.get(config) ?? "" },
    ...layers.map((digest, index) => ({ name: names[index] ?? "", data: blobs.get(digest) ?? "" })),
    { name: "manifest.json", data: JSON.stringify(manifest) },
  ];
  writeFileSync(path, await tar(members));
  return path;
}

export const gzip = (bytes: Uint8Array): Uint8Array => gzipSync(bytes);
