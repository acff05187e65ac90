// SPDX-License-Identifier: MIT
/** From an application to one bootable file: the passes of a build, each with the earlier ones' results. */
import { readFile } from "node:fs/promises";
import { basename, extname } from "node:path";
import type { ResolvedConfiguration } from "./config/schema.js";
import { type ElfFile, parseElf } from "./elf/file.js";
import { UklError } from "./errors.js";
import { readInput, sha256, withScratchDirectory, writeOutput } from "./host/files.js";
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
import { rootEntries } from "./rootfs/root.js";
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
  /** Path of the bzImage, when one was asked for. */
  readonly bzImage?: string;
  readonly timingsMs: Readonly<
    Record<"kernel" | "stubs" | "application" | "image" | "verify" | "total", number>
  >;
}

/** Builds one image. Nothing is written to `output` unless the image passed its verification. */
export async function build(request: BuildRequest): Promise<BuildResult> {
  const { configuration, onProgress } = request;
  const { mode } = configuration;
  return withScratchDirectory(async (scratch) => {
    const time = stopwatch();
    const inputs = await readInputs(configuration);
    const kernel = await getKernel({ mode, ...kernelChoice(configuration), onProgress });
    time.lap("kernel");

    const stubs = await compileStubs(kernel);
    const symbols = await findKernelSymbols(stubs.kernel, kernelSymbolNames(configuration), scratch);
    time.lap("stubs");

    const path = await applicationFile(configuration, symbols, stubs.callEntry, scratch);
    const application = checkApplication(parseElf(await readInput(path), inputs.path));
    time.lap("application");

    const guestPath = `/bin/${imageName(configuration)}`;
    const files = await readIncluded(configuration.files.include);
    const manifest = describeImage({
      configuration,
      kernel,
      inputs: inputs.digests,
      application,
      guestPath,
      files,
    });
    const { args, env: environment } = configuration;
    const ring0 = new Set(configuration.ring0.programs);
    const payload = layOutPayload({
      members: archiveMembers(
        rootEntries({ init: stubs.init, guestPath, args, environment, files: withRing0(files, ring0, mode) }),
      ),
      application,
      guestPath,
      permissions: mode === "unikernel" ? 0o1755 : 0o755,
      manifest: JSON.stringify(manifest),
    });
    const image = await readFile(await linkImage(stubs.kernel, payload, scratch));
    time.lap("image");

    verifyImage(image, request.output, {
      payload,
      application,
      manifest: JSON.stringify(manifest),
      kernelSymbols: symbols,
    });
    await writeOutput(request.output, image, 0o755);
    const bzImage = request.bzImage
      ? await writeBzImage(kernel.directory, image, request.output, scratch)
      : undefined;
    time.lap("verify");

    const result = { output: request.output, manifest, imageBytes: image.length, timingsMs: time.total() };
    return bzImage === undefined ? result : { ...result, bzImage };
  });
}

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

/** The static executable: the user's own, or one linked from the inputs. */
async function applicationFile(
  configuration: ResolvedConfiguration,
  kernelSymbols: ReadonlyMap<string, bigint>,
  callEntry: string | undefined,
  scratch: string,
): Promise<string> {
  if (configuration.inputs === undefined) return programOf(configuration);
  const { inputs, compiler, libraries, libraryPaths, compileFlags, linkFlags } = configuration;
  const extraObjects = callEntry === undefined ? [] : [callEntry];
  const sources = {
    inputs,
    compiler,
    libraries,
    libraryPaths,
    compileFlags,
    linkFlags,
    extraObjects,
    kernelSymbols,
  };
  return linkApplication(sources, scratch);
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

interface Stubs {
  readonly kernel: KernelParts;
  readonly init: Uint8Array;
  /** In ring 3 the application's `ukl_syscall` is an object; in ring 0 it is the kernel's. */
  readonly callEntry: string | undefined;
}

async function compileStubs(kernel: CachedKernel): Promise<Stubs> {
  const { compiler, directory, mode } = kernel;
  const [init, dispatch, callEntry] = await Promise.all([
    compileInit(compiler).then((path) => readFile(path)),
    mode === "unikernel" ? [compileDispatch(directory, compiler)] : [],
    mode === "classic" ? compileCallEntry(compiler) : undefined,
  ]);
  return { kernel: { directory, stubs: await Promise.all(dispatch) }, init, callEntry };
}

function kernelSymbolNames({ kernel, mode }: ResolvedConfiguration): readonly string[] {
  return mode === "classic" ? kernel.symbols.filter((name) => name !== "ukl_syscall") : kernel.symbols;
}

function kernelChoice({ kernel }: ResolvedConfiguration) {
  const source = kernel.source ?? process.env["UKL_KERNEL_SOURCE"];
  return { options: kernel.options, ...(source === undefined ? {} : { source }) };
}

function withRing0(
  files: Awaited<ReturnType<typeof readIncluded>>,
  programs: ReadonlySet<string>,
  mode: ResolvedConfiguration["mode"],
) {
  if (mode === "classic") return files;
  return files.map((file) =>
    programs.has(file.path) ? { ...file, permissions: file.permissions | 0o1000 } : file,
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

function stopwatch() {
  const start = performance.now();
  let last = start;
  const laps: Record<string, number> = {};
  return {
    lap(name: string): void {
      const now = performance.now();
      laps[name] = Math.round(now - last);
      last = now;
    },
    total(): BuildResult["timingsMs"] {
      return { ...laps, total: Math.round(performance.now() - start) } as BuildResult["timingsMs"];
    },
  };
}
