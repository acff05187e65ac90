// SPDX-License-Identifier: MIT
/**
 * Container images as targets: `oci:DIRECTORY[:TAG]`, `docker-archive:FILE`, or the path of either. The layers become
 * one root file system; what it says to be started is found in there.
 */
import { statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, join, posix, resolve } from "node:path";
import { parseSignal } from "../host/signals.js";
import { ArchiveTree } from "./archive-tree.js";
import {
  type Budget,
  blobName,
  checkFile,
  hasPart,
  type LocatePart,
  Meter,
  readDocument,
  type UnpackOptions,
  withLayer,
  withUnpacked,
} from "./container-blobs.js";
import { malformedContainer, unusableContainer } from "./container-errors.js";
import { chooseImage } from "./container-index.js";
import { dockerManifestSchema, type ImageConfig, imageConfigSchema } from "./container-schema.js";
import { leadsOut, memberName } from "./member-name.js";
import { type TargetUser, userOf } from "./user.js";

export interface ContainerTarget {
  readonly view: ArchiveTree;
  /** With its arguments; the user's own stand for `defaults`. */
  readonly entrypoint: readonly string[];
  readonly defaults: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  readonly user: TargetUser;
  /** Made where they are not there: the one above, and those that Docker would give volumes. */
  readonly directories: readonly string[];
  /** What asks it to end, where that is not SIGTERM. */
  readonly stopSignal?: number;
}

interface Parts {
  readonly config: ImageConfig;
  /** In the order in which they are laid over each other. */
  readonly layers: readonly { readonly location: string; readonly name: string }[];
}

const forms = /^(?:(oci|oci-archive|docker-archive):)?(.*)$/s;

/** Throws UKL-230 to UKL-234. */
export async function containerTarget(
  target: string,
  { scratch, limitBytes }: UnpackOptions,
): Promise<ContainerTarget> {
  const budget: Budget = { bytesLeft: limitBytes };
  const { path, tag } = placeOf(target);
  const locate = await openParts(path, budget, scratch);
  const { config, layers } = hasPart(locate, "index.json")
    ? await partsOfLayout(locate, path, tag)
    : await partsOfDocker(locate, path, tag);
  checkPlatform(path, config);
  const view = new ArchiveTree(join(scratch, "files"));
  const { diff_ids: digests } = config.rootfs;
  if (digests.length !== layers.length) {
    throw malformedContainer(path, `it has ${layers.length} layers, and digests for ${digests.length}`);
  }
  for (const [index, { location, name }] of layers.entries()) {
    const what = `the layer ${name} of ${path}`;
    await withLayer(location, { what, digest: digests[index] ?? "", budget }, (bytes) =>
      view.add(bytes, what, { budget }),
    );
  }
  return describe(view, path, config);
}

function placeOf(target: string): { readonly path: string; readonly tag?: string } {
  const [, form, rest = ""] = forms.exec(target) ?? [];
  if (form === undefined || isThere(rest)) return { path: rest };
  const colons = [...rest.matchAll(/:/g)].map(({ index }) => index);
  // A tag may be a whole name, with a port in it: the path is what is there.
  const end = colons.find((index) => isThere(rest.slice(0, index))) ?? colons.at(-1);
  return end === undefined ? { path: rest } : { path: rest.slice(0, end), tag: rest.slice(end + 1) };
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Of a directory its files; an archive is unpacked like any, and looked into. */
async function openParts(path: string, budget: Budget, scratch: string): Promise<LocatePart> {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined)
    throw unusableContainer(path, "there is no such file or directory", "check the path");
  await mkdir(scratch, { recursive: true });
  if (status.isDirectory()) return (name) => join(resolve(path), memberName(name, path));
  const tree = new ArchiveTree(join(scratch, "archive"));
  const ownBudget = { bytesLeft: budget.bytesLeft };
  const meter = new Meter(path, ownBudget);
  await withUnpacked(path, meter, (bytes) => tree.add(bytes, path, { budget: ownBudget }));
  return (name) => {
    const member = `/${memberName(name, path)}`;
    checkLink(tree, member, path);
    return tree.locate(member);
  };
}

/** Parts that are stored once are links to each other. Throws UKL-233 for one that leads out of the archive. */
function checkLink(tree: ArchiveTree, member: string, path: string): void {
  const { target } = tree.node(member) ?? {};
  if (target === undefined) return;
  const place = posix.join(posix.dirname(member.slice(1)), target);
  if (!target.startsWith("/") && place !== ".." && !place.startsWith("../")) return;
  throw leadsOut(member.slice(1), path, `it is a link to ${target}`);
}

async function partsOfLayout(locate: LocatePart, path: string, tag: string | undefined): Promise<Parts> {
  const { manifest, config } = await chooseImage(locate, path, tag);
  const layers = manifest.layers.map((layer) => ({
    location: locate(blobName(layer.digest)),
    name: layer.digest,
  }));
  for (const { location, name } of layers) await checkFile(location, name, `the layer ${name} of ${path}`);
  return { config, layers };
}

async function partsOfDocker(locate: LocatePart, path: string, tag: string | undefined): Promise<Parts> {
  if (!hasPart(locate, "manifest.json")) {
    throw malformedContainer(
      path,
      "it has neither index.json, as OCI layouts have, nor manifest.json, as docker save writes it",
    );
  }
  const manifests = await readDocument(locate("manifest.json"), dockerManifestSchema, {
    what: `the manifest of ${path}`,
  });
  const tags = manifests.flatMap(({ RepoTags }) => RepoTags ?? []);
  const isNamed = (name: string) => tag === undefined || name === tag || name.endsWith(`:${tag}`);
  const named = tag === undefined ? manifests : manifests.filter(({ RepoTags }) => RepoTags?.some(isNamed));
  const [manifest, ...others] = named;
  if (manifest === undefined || others.length > 0) {
    const cause = manifest === undefined ? `it has no image ${tag}` : `it has ${named.length} images`;
    const fix = `name one of docker-archive:${path}:TAG: ${tags.join(", ") || "none has a tag"}`;
    throw unusableContainer(path, cause, fix);
  }
  const what = `the configuration of ${path}`;
  const hex = /([0-9a-f]{64})(?:\.json)?$/.exec(manifest.Config)?.[1];
  const config = await readDocument(locate(manifest.Config), imageConfigSchema, {
    what,
    ...(hex === undefined ? {} : { digest: `sha256:${hex}` }),
  });
  return { config, layers: manifest.Layers.map((name) => ({ location: locate(name), name })) };
}

function checkPlatform(path: string, { os, architecture }: ImageConfig): void {
  if (os === "linux" && architecture === "amd64") return;
  throw unusableContainer(path, `it is for ${os}/${architecture}`, "fetch the image for linux/amd64");
}

function describe(view: ArchiveTree, path: string, { config }: ImageConfig): ContainerTarget {
  const { User, Env, Entrypoint, Cmd, WorkingDir, StopSignal, Volumes } = config ?? {};
  const [entrypoint, defaults] = Entrypoint?.length
    ? [Entrypoint, Cmd ?? []]
    : [(Cmd ?? []).slice(0, 1), (Cmd ?? []).slice(1)];
  if (entrypoint.length === 0) {
    throw unusableContainer(path, "it says neither an entrypoint nor a command", "make it with one of them");
  }
  const environment = Object.fromEntries(
    (Env ?? []).flatMap((text) => {
      const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
      return name === undefined ? [] : [[name, value ?? ""]];
    }),
  );
  const workingDirectory = resolve("/", WorkingDir ?? "");
  return {
    view,
    entrypoint,
    defaults,
    environment,
    workingDirectory,
    directories: [workingDirectory, ...Object.keys(Volumes ?? {}).map((volume) => resolve("/", volume))],
    ...(StopSignal ? { stopSignal: stopSignalOf(StopSignal, path) } : {}),
    user: userOf(view, User ?? "", (kind, name) =>
      unusableContainer(
        path,
        `it is to run as the ${kind} '${name}', whom its accounts do not have`,
        "make it with a user of its /etc/passwd, or with numbers",
      ),
    ),
  };
}

function stopSignalOf(text: string, path: string): number {
  const signal = parseSignal(text);
  if (signal !== undefined) return signal;
  throw unusableContainer(path, `it is to be stopped by '${text}', which is no signal`, "make it with one");
}

/** What the image is called where nothing names it. */
export function containerName(target: string): string {
  return basename(resolve(placeOf(target).path)).replace(/\.tar$/, "");
}
