// SPDX-License-Identifier: MIT
/** What `ukl bench` compares: images of one program, an image that is there, and kernels of others under it. */
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { imageName } from "./application.js";
import { callSources } from "./bench/call-costs.js";
import { type KernelImage, readKernelImage } from "./bench/kernel-image.js";
import { type Server, servers } from "./bench/servers.js";
import { build } from "./build.js";
import { mergeFlags } from "./config/merge.js";
import type { ResolvedConfiguration } from "./config/schema.js";
import { UklError } from "./errors.js";
import { readManifest } from "./image.js";
import type { Progress } from "./kernel/compile.js";
import type { Manifest } from "./manifest.js";

/** How an image is built, by the name of the variant. */
const builtVariants = {
  unikernel: { mode: "unikernel", bind: true, shortcuts: false },
  shortcuts: { mode: "unikernel", bind: true, shortcuts: true },
  unbound: { mode: "unikernel", bind: false, shortcuts: false },
  classic: { mode: "classic", bind: false, shortcuts: false },
} as const satisfies Record<string, Pick<ResolvedConfiguration, "mode" | "bind" | "shortcuts">>;

export type BuiltName = keyof typeof builtVariants;
export const builtNames = Object.keys(builtVariants) as readonly BuiltName[];

export interface Variant {
  readonly name: string;
  readonly imagePath: string;
  readonly manifest: Manifest;
  /** Undefined where there is none, or it was not asked for. */
  readonly bzImage?: string;
  /** An image of the same kind whose program measures system calls. */
  readonly callsImage?: string;
  /** Runs with the root file system of the image. */
  readonly kernel?: KernelImage;
}

export interface VariantRequest {
  readonly configuration: ResolvedConfiguration;
  readonly compare: readonly BuiltName[];
  readonly images: readonly string[];
  readonly kernelImages: readonly string[];
  readonly withBzImages: boolean;
  readonly onProgress: (progress: Progress) => void;
}

/** What others bring, read before anything is built. */
export interface Others {
  readonly images: readonly Variant[];
  readonly kernels: readonly KernelImage[];
}

/** Throws UKL-101, UKL-201 to 208, UKL-503, UKL-504 and UKL-801. */
export async function readOthers({ images, kernelImages, compare }: VariantRequest): Promise<Others> {
  const others = {
    images: await Promise.all(images.map(imageVariant)),
    kernels: await Promise.all(kernelImages.map(readKernelImage)),
  };
  const names = [...compare, ...others.images.map(({ name }) => name), ...others.kernels.map(nameOfKernel)];
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice === undefined) return others;
  throw new UklError("UKL-101", {
    what: `'${twice}' would stand for two columns of the report`,
    cause: "columns are named after files and variants",
    fix: "name each once, and files by different names",
  });
}

/** Builds what has to be built, classic first if a kernel of others needs it. */
export async function buildVariants(
  request: VariantRequest,
  others: Others,
  scratch: string,
): Promise<readonly Variant[]> {
  const built: Variant[] = [];
  for (const name of request.compare) built.push(await buildVariant(name, request, scratch));
  if (others.kernels.length === 0) return [...built, ...others.images];
  const classic =
    built.find(({ name }) => name === "classic") ?? (await buildVariant("classic", request, scratch));
  const { bzImage: _, ...host } = classic;
  const foreign = others.kernels.map((kernel) => ({ ...host, name: nameOfKernel(kernel), kernel }));
  return [...built, ...others.images, ...foreign];
}

/** Whose client is known. */
export function serverOf(configuration: ResolvedConfiguration): Server | undefined {
  return servers[imageName(configuration)];
}

async function buildVariant(name: BuiltName, request: VariantRequest, scratch: string): Promise<Variant> {
  const { withBzImages, onProgress } = request;
  onProgress({ step: `building the image ${name}` });
  const configuration = { ...withUsualStart(request.configuration), ...builtVariants[name] };
  const imagePath = join(scratch, `${name}.elf`);
  const callsImage = join(scratch, `${name}-calls.elf`);
  const { manifest, bzImage } = await build({
    configuration,
    output: imagePath,
    bzImage: withBzImages,
    onProgress,
  });
  const calls = callsConfiguration(configuration);
  await build({ configuration: calls, output: callsImage, bzImage: false, onProgress });
  return { name, imagePath, manifest, callsImage, ...(bzImage === undefined ? {} : { bzImage }) };
}

/** A server whose client is known is started as that expects it, unless the user says how. */
function withUsualStart(configuration: ResolvedConfiguration): ResolvedConfiguration {
  const server = serverOf(configuration);
  if (server === undefined || configuration.args.length > 0) return configuration;
  const files = { include: { ...server.files, ...configuration.files.include } };
  return { ...configuration, args: [...server.args], files };
}

/** The program that measures system calls, on the same kernel and the same machine. */
function callsConfiguration(configuration: ResolvedConfiguration): ResolvedConfiguration {
  const { mode, bind, shortcuts, kernel, run } = configuration;
  const flags = { name: "calls", inputs: [...callSources], compileFlags: ["-O2"] };
  return { ...mergeFlags(undefined, flags), mode, bind, shortcuts, kernel, run };
}

async function imageVariant(imagePath: string): Promise<Variant> {
  const manifest = await readManifest(imagePath);
  if (manifest === undefined) {
    throw new UklError("UKL-503", {
      what: `${imagePath} is not an image`,
      cause: "it has no manifest of ukl",
      fix: "build it with 'ukl build', or name a kernel with --kernel-image",
    });
  }
  const beside = `${imagePath.replace(/\.elf$/, "")}.bzimage`;
  const hasBzImage = (await stat(beside).catch(() => undefined))?.isFile() === true;
  return {
    name: basename(imagePath, ".elf"),
    imagePath,
    manifest,
    ...(hasBzImage ? { bzImage: beside } : {}),
  };
}

function nameOfKernel({ path }: KernelImage): string {
  return basename(path);
}
