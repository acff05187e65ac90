// SPDX-License-Identifier: MIT
/**
 * What is read of container images: OCI image-spec v1.1 (index, manifest, configuration) and the manifest.json that
 * `docker save` writes. Members that are not used are not looked at.
 */
import { z } from "zod";

/** Other algorithms are allowed by the specification, and used by nobody. */
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

const descriptor = z.object({
  mediaType: z.string().default(""),
  digest,
  platform: z
    .object({ architecture: z.string(), os: z.string(), variant: z.string().nullish() })
    .nullish()
    .transform((platform) => platform ?? undefined),
  annotations: z.record(z.string(), z.string()).nullish(),
  artifactType: z.string().nullish(),
});

export type Descriptor = z.infer<typeof descriptor>;

export const indexSchema = z.object({ manifests: z.array(descriptor) });

const manifestSchema = z.object({
  config: descriptor,
  layers: z.array(descriptor),
  artifactType: z.string().nullish(),
  /** Of what refers to an image, and is none. */
  subject: z.unknown().optional(),
});

export type Manifest = z.infer<typeof manifestSchema>;

/** Media types are not always said, and not always right. */
export const indexOrManifestSchema = z.union([indexSchema, manifestSchema]);

export const dockerManifestSchema = z
  .array(
    z.object({ Config: z.string(), Layers: z.array(z.string()), RepoTags: z.array(z.string()).nullish() }),
  )
  .min(1);

const words = z.array(z.string()).nullish();

export const imageConfigSchema = z.object({
  architecture: z.string(),
  os: z.string(),
  variant: z.string().nullish(),
  config: z
    .object({
      User: z.string().nullish(),
      Env: words,
      Entrypoint: words,
      Cmd: words,
      WorkingDir: z.string().nullish(),
      StopSignal: z.string().nullish(),
      Volumes: z.record(z.string(), z.unknown()).nullish(),
    })
    .nullish(),
  rootfs: z.object({ diff_ids: z.array(digest) }),
});

export type ImageConfig = z.infer<typeof imageConfigSchema>;
