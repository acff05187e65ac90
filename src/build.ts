// SPDX-License-Identifier: MIT
/** From an application to one bootable file: the passes of a build, each with the earlier ones' results. */
import { readFile } from "node:fs/promises";
import { basename, extname } from "node:path";
import type { ResolvedConfiguration } from "./config/schema.js";
import { type ElfFile, parseElf } from "./elf/file.js";
import { UklError } from "./errors.js";
import { readInput, sha256, withScratchDirectory, writeOutput } from "./host/files.js";
import { cacheDirectory } from "./host/places.js";
import { stopwatch } from "./host/stopwatch.js";
import { inspectionCache } from "./inspect/cache.js";
import { inspect } from "./inspect/inspect.js";
import type { Inspection } from "./inspect/schema.js";
import type { CachedKernel } from "./kernel/cache.js";
import type { Progress } from "./kernel/compile.js";
import { getKernel } from "./kernel/kernel.js";
import { linkApplication } from "./link/application.js";
import { writeBzImage } from "./link/bzimage.js";
import { findKernelSymbols, type KernelParts, linkImage } from "./link/image.js";
import { describeImage } from "./link/manifest.js";
import { layOutPayload } from "./link/payload.js";
import { verifyImage } from "./link/verify.js";
import type { Manifest } from "./manifest.js";
import { archiveMembers } from "./rootfs/cpio.js";
import { readIncluded } from "./rootfs/include.js";
import { type RootFile, rootEntries } from "./rootfs/root.js";
import { compileCallEntry, compileDispatch, compileInit } from "./stubs/compile.js";

export interface BuildRequest {
  readonly configuration: ResolvedConfiguration;
  readonly output: string;
  readonly bzImage: boolean;
  readonly onProgress: (progress: Progress) => void;
}

export interface BuildResult {
  readonly output: string;
  readonly manifest: Manifest;
  readonly imageBytes: number;
  /** What the application needs, for the mode of the image. */
  readonly verdict: Inspection["verdicts"]["unikernel"];
  /** Path of the bzImage, when one was asked for. */
  readonly bzImage?: string;
  readonly timingsMs: Readonly<
    Record<"application" | "inspection" | "kernel" | "stubs" | "image" | "verify" | "total", number>
  >;
}

/** Builds one image. Nothing is written to `output` unless the image passed its verification. */
export async function build(request: BuildRequest): Promise<BuildResult> {
  const { configuration, onProgress } = request;
  const { mode, args, env: environment } = configuration;
  return withScratchDirectory(async (scratch) => {
    const time = stopwatch();
    const inputs = await readInputs(configuration);
    const files = await readIncluded(configuration.files.include);
    const wantsKernel = kernelSymbolNames(configuration).length > 0;
    // What can go wrong with the application goes wrong before a kernel is compiled for it.
    const early = wantsKernel
      ? undefined
      : await linkedApplication(configuration, inputs, new Map(), scratch);
    time.lap("application");

    const kernel = await getKernel({ mode, ...kernelChoice(configuration), onProgress });
    time.lap("kernel");

    const stubs = await compileStubs(kernel);
    const symbols = await findKernelSymbols(stubs.kernel, kernelSymbolNames(configuration), scratch);
    time.lap("stubs");

    const linked = early ?? (await linkedApplication(configuration, inputs, symbols, scratch));
    const { application } = linked;
    const cache = inspectionCache(cacheDirectory());
    const inspection = await inspect({ path: linked.path, mode: "precise", cache });
    time.lap("inspection");

    const guestPath = `/bin/${imageName(configuration)}`;
    const digests = inputs.digests;
    const description = { configuration, kernel, inputs: digests, application, inspection, guestPath, files };
    const manifest = describeImage(description);
    const manifestText = JSON.stringify(manifest);
    const guestFiles = withRing0(files, configuration);
    const root = rootEntries({ init: stubs.init, guestPath, args, environment, files: guestFiles });
    const permissions = mode === "unikernel" ? ring0Permissions : 0o755;
    const payload = layOutPayload({
      members: archiveMembers(root),
      application,
      guestPath,
      permissions,
      manifest: manifestText,
    });
    const image = await readFile(await linkImage(stubs.kernel, payload, scratch));
    time.lap("image");

    verifyImage(image, request.output, {
      payload,
      application,
      manifest: manifestText,
      kernelSymbols: symbols,
    });
    await writeOutput(request.output, image, 0o755);
    time.lap("verify");

    const bzImage = request.bzImage
      ? { bzImage: await writeBzImage(kernel.directory, image, request.output, scratch) }
      : {};
    const { output } = request;
    return {
      output,
      manifest,
      imageBytes: image.length,
      verdict: inspection.verdicts[mode],
      timingsMs: time.totalMs() as BuildResult["timingsMs"],
      ...bzImage,
    };
  });
}

/** An executable file that runs in ring 0: the sticky bit says so (kernel/patches). */
const ring0Permissions = 0o1755;

interface Inputs {
  /** What messages call the application. */
  readonly path: string;
  readonly digests: Manifest["inputs"];
}

async function readInputs(configuration: ResolvedConfiguration): Promise<Inputs> {
  const paths = configuration.inputs ?? [programOf(configuration)];
  const digests = await Promise.all(
    paths.map(async (path) => ({ name: basename(path), sha256: sha256(await readInput(path)) })),
  );
  return { path: paths.join(" "), digests };
}

interface LinkedApplication {
  readonly path: string;
  readonly application: ElfFile;
}

/** The static executable: the user's own, or one linked from the inputs. Throws UKL-202 to UKL-224. */
async function linkedApplication(
  configuration: ResolvedConfiguration,
  inputs: Inputs,
  kernelSymbols: ReadonlyMap<string, bigint>,
  scratch: string,
): Promise<LinkedApplication> {
  const path = configuration.inputs === undefined ? programOf(configuration) : await link();
  return { path, application: checkApplication(parseElf(await readInput(path), inputs.path)) };

  async function link(): Promise<string> {
    const { compiler, libraries, libraryPaths, compileFlags, linkFlags } = configuration;
    const callsStub = configuration.mode === "classic" && configuration.kernel.symbols.includes(callEntry);
    const extraObjects = callsStub ? [await compileCallEntry()] : [];
    const flags = { compiler, libraries, libraryPaths, compileFlags, linkFlags };
    return linkApplication(
      { inputs: configuration.inputs ?? [], ...flags, extraObjects, kernelSymbols },
      scratch,
    );
  }
}

/** Throws UKL-210 unless the file can run without a loader. */
function checkApplication(application: ElfFile): ElfFile {
  const { linkage, path } = application;
  if (linkage === "static" || linkage === "static-pie") return application;
  throw new UklError("UKL-210", {
    what: `${path} is not a static executable`,
    cause:
      linkage === "relocatable" ? "it is an object that is not linked yet" : `it is linked as ${linkage}`,
    fix: "give a program that was linked with -static or -static-pie, or its sources, objects and archives",
  });
}

/** The system call by function call. In ring 0 it is the kernel's, in ring 3 an object of ours. */
const callEntry = "ukl_syscall";

interface Stubs {
  readonly kernel: KernelParts;
  readonly init: Uint8Array;
}

async function compileStubs(kernel: CachedKernel): Promise<Stubs> {
  const { compiler, directory, mode } = kernel;
  const [init, ...dispatch] = await Promise.all([
    compileInit(compiler).then((path) => readFile(path)),
    ...(mode === "unikernel" ? [compileDispatch(directory, compiler)] : []),
  ]);
  return { kernel: { directory, stubs: dispatch }, init };
}

function kernelSymbolNames({ kernel, mode }: ResolvedConfiguration): readonly string[] {
  return mode === "classic" ? kernel.symbols.filter((name) => name !== callEntry) : kernel.symbols;
}

function kernelChoice({ kernel }: ResolvedConfiguration) {
  const source = kernel.source ?? process.env["UKL_KERNEL_SOURCE"];
  return { options: kernel.options, ...(source === undefined ? {} : { source }) };
}

function withRing0(files: readonly RootFile[], { mode, ring0 }: ResolvedConfiguration): readonly RootFile[] {
  if (mode === "classic") return files;
  return files.map((file) =>
    ring0.programs.includes(file.path) ? { ...file, permissions: ring0Permissions } : file,
  );
}

/** The name of the image and of the application in the guest. */
export function imageName(configuration: ResolvedConfiguration): string {
  if (configuration.name !== undefined) return configuration.name;
  const first = configuration.inputs?.[0] ?? programOf(configuration);
  const extension = extname(first);
  return basename(first, configuration.inputs === undefined ? undefined : extension);
}

function programOf({ program }: ResolvedConfiguration): string {
  if (program !== undefined) return program;
  throw new UklError("UKL-101", {
    what: "there is nothing to build",
    cause: "neither the command line nor the configuration names a target",
    fix: "name sources, objects, archives or a static executable",
  });
}
