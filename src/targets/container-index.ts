// SPDX-License-Identifier: MIT
/**
 * Which image of an OCI layout is meant. An index may hold indexes, images for other machines, and what is no image:
 * attestations of BuildKit, signatures and other artifacts that refer to one.
 */
import { blobName, hasPart, type LocatePart, readDocument } from "./container-blobs.js";
import { malformedContainer, unusableContainer } from "./container-errors.js";
import {
  type Descriptor,
  type ImageConfig,
  imageConfigSchema,
  indexOrManifestSchema,
  indexSchema,
  type Manifest,
} from "./container-schema.js";

export interface ChosenImage {
  readonly manifest: Manifest;
  readonly config: ImageConfig;
}

interface Candidate extends ChosenImage {
  readonly digest: string;
  readonly platform: Platform;
  /** The entry of index.json that leads to it. */
  readonly root: Descriptor;
}

type Platform = Pick<ImageConfig, "os" | "architecture" | "variant">;

interface Layout {
  readonly locate: LocatePart;
  readonly path: string;
  /** How many documents may still be read. */
  documentsLeft: number;
}

const mostDocuments = 1000;
const deepestIndex = 16;

const refName = "org.opencontainers.image.ref.name";
/** In which containerd notes the whole name. */
const wholeName = "io.containerd.image.name";
/** Tags of what refers to an image by its digest: those of cosign and of the distribution specification. */
const referrerTag = /^sha256-[0-9a-f]{64}(?:\.\w+)?$/;
const referenceType = "vnd.docker.reference.type";
const imageConfigTypes = new Set([
  "",
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
]);

/** Throws UKL-230 to UKL-232. */
export async function chooseImage(
  locate: LocatePart,
  path: string,
  tag: string | undefined,
): Promise<ChosenImage> {
  const index = await readDocument(locate("index.json"), indexSchema, { what: `the index of ${path}` });
  const layout: Layout = { locate, path, documentsLeft: mostDocuments };
  const found: Candidate[] = [];
  for (const root of rootsOf(index.manifests, path, tag)) {
    found.push(...(await candidatesOf(root, { layout, root, depth: 0 })));
  }
  const fitting = found.filter(({ platform }) => isOurs(platform));
  if (fitting.length === 0) throw noneFits(path, found);
  // Each tag names an image; several may name the same.
  const names = new Set(fitting.map(({ root }) => tagOf(root)));
  const chosen = [...names].flatMap((name) => bestOf(fitting.filter(({ root }) => tagOf(root) === name)));
  const byDigest = new Map(chosen.map((candidate) => [candidate.digest, candidate]));
  const [only, ...others] = byDigest.values();
  if (only !== undefined && others.length === 0) return only;
  const tags = tagsOf(index.manifests);
  const fix = tags[0] === undefined ? "leave one of them in its index" : `name one: oci:${path}:${tags[0]}`;
  throw unusableContainer(path, `it has ${byDigest.size} images: ${tags.join(", ") || "without tags"}`, fix);
}

function rootsOf(
  manifests: readonly Descriptor[],
  path: string,
  tag: string | undefined,
): readonly Descriptor[] {
  if (tag === undefined) return manifests.filter((root) => !referrerTag.test(tagOf(root)));
  const named = manifests.filter(({ annotations }) => {
    const name = annotations?.[refName];
    return name === tag || name?.endsWith(`:${tag}`) || annotations?.[wholeName] === tag;
  });
  if (named.length > 0) return named;
  const tags = tagsOf(manifests).join(", ") || "none";
  throw unusableContainer(path, `it has no image ${tag}`, `name one of: ${tags}`);
}

function tagOf({ annotations }: Descriptor): string {
  return annotations?.[refName] ?? "";
}

function tagsOf(manifests: readonly Descriptor[]): readonly string[] {
  return [...new Set(manifests.map(tagOf))].filter((name) => name !== "" && !referrerTag.test(name));
}

/** All images that a descriptor leads to, in their order; of those for other machines no more than that they exist. */
async function candidatesOf(
  descriptor: Descriptor,
  place: { readonly layout: Layout; readonly root: Descriptor; readonly depth: number },
): Promise<readonly Candidate[]> {
  const { digest, annotations, platform, artifactType } = descriptor;
  const { layout, root, depth } = place;
  const { locate, path } = layout;
  if (annotations?.[referenceType] !== undefined || artifactType || platform?.os === "unknown") return [];
  const isElsewhere = platform !== undefined && !isOurs(platform);
  // Whoever fetched an image for one machine may have left the others where they were.
  if (!hasPart(locate, blobName(digest)) && (isElsewhere || depth > 0)) return [];
  const what = `the manifest of ${path}`;
  if (--layout.documentsLeft < 0)
    throw malformedContainer(path, `it has more than ${mostDocuments} manifests`);
  const document = await readDocument(locate(blobName(digest)), indexOrManifestSchema, { what, digest });
  if ("manifests" in document) {
    if (depth === deepestIndex) throw malformedContainer(path, `it has indexes ${depth} deep in each other`);
    const inside: Candidate[] = [];
    for (const each of document.manifests) {
      inside.push(...(await candidatesOf(each, { layout, root, depth: depth + 1 })));
    }
    return inside;
  }
  const { config: described, subject } = document;
  if (subject || document.artifactType || !imageConfigTypes.has(described.mediaType)) return [];
  if (isElsewhere && !hasPart(locate, blobName(described.digest))) return [];
  const config = await readDocument(locate(blobName(described.digest)), imageConfigSchema, {
    what: `the configuration of ${path}`,
    digest: described.digest,
  });
  return [{ manifest: document, config, digest, platform: platform ?? config, root }];
}

function isOurs({ os, architecture }: Platform): boolean {
  return os === "linux" && architecture === "amd64";
}

/**
 * Of those that one tag stands for the one that asks least of the processor, as Docker takes it; in an index that lists
 * machines the first of such. Several that nothing tells apart are left.
 */
function bestOf(candidates: readonly Candidate[]): readonly Candidate[] {
  const level = ({ platform }: Candidate) => Number(/^v(\d)$/.exec(platform.variant ?? "v1")?.[1] ?? "1");
  const least = Math.min(...candidates.map(level));
  const best = candidates.filter((candidate) => level(candidate) === least);
  const isOfOneRoot = new Set(best.map(({ root }) => root.digest)).size === 1;
  return isOfOneRoot ? best.slice(0, 1) : best;
}

function noneFits(path: string, found: readonly Candidate[]) {
  const platforms = found.map(({ platform: { os, architecture, variant } }) =>
    [os, architecture, ...(variant ? [variant] : [])].join("/"),
  );
  const cause =
    platforms.length === 0 ? "it has no image" : `it is for ${[...new Set(platforms)].join(", ")}`;
  return unusableContainer(path, cause, "fetch the image for linux/amd64");
}
