// SPDX-License-Identifier: MIT
/** From an application to one bootable file: the passes of a build, each with the earlier ones' results. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  imageName,
  kernelSymbolNames,
  launchedProcess,
  linkedApplication,
  somewhere,
} from "./application.js";
import { lostAttributes } from "./attributes.js";
import { bindFiles, boundNumbers, boundWords, countSites } from "./bound.js";
import type { ResolvedConfiguration } from "./config/schema.js";
import { imageContents } from "./contents.js";
import { type ElfFile, parseElf } from "./elf/file.js";
import { withScratchDirectory, writeOutput } from "./host/files.js";
import { type Stopwatch, stopwatch } from "./host/stopwatch.js";
import { chooseImageKernel, getImageKernel } from "./image-kernel.js";
import { checkImageMemory, loadedBytes } from "./image-memory.js";
import type { Bindings } from "./inspect/bindings.js";
import type { Inspection } from "./inspect/schema.js";
import { allSyscalls } from "./inspect/syscall-names.js";
import type { CachedKernel } from "./kernel/cache.js";
import type { Progress } from "./kernel/compile.js";
import { writeBzImage } from "./link/bzimage.js";
import { withoutDeadCode } from "./link/dead-code/kernel.js";
import { findKernelSymbols, type KernelParts, linkImage } from "./link/image.js";
import { describeImage } from "./link/manifest.js";
import { layOutPayload, type Payload } from "./link/payload.js";
import { verifyImage } from "./link/verify.js";
import type { Manifest } from "./manifest.js";
import { chooseMask, type Mask } from "./mask/choose.js";
import { readCallList } from "./mask/list.js";
import { usedCalls } from "./mask/used.js";
import { ring0Files, ring0Permissions, withRing0 } from "./ring0.js";
import { archiveMembers } from "./rootfs/cpio.js";
import { copiedBytes, memoryFor } from "./rootfs/memory.js";
import { rootEntries } from "./rootfs/root.js";
import type { KernelChoice } from "./specialise/choose.js";
import {
  compileCalls,
  compileDispatch,
  compileInit,
  type InitParts,
  readCallsTemplate,
  readDispatchTemplate,
} from "./stubs/compile.js";
import { attributeCalls, type CallTable, renderCalls, renderDispatch } from "./stubs/render.js";
import { parseSyscallTable } from "./stubs/table.js";
import { machineFiles, machineOf, surroundingsOf } from "./surroundings.js";

export interface BuildRequest {
  readonly configuration: ResolvedConfiguration;
  readonly output: string;
  readonly bzImage: boolean;
  /** The image is booted once, now: a generic kernel that is there is better than a special one in some minutes. */
  readonly isUrgent?: boolean;
  readonly onProgress: (progress: Progress) => void;
  /** Called with the options that the application asks for, before a kernel with them is looked for or built. */
  readonly onKernelChoice?: (choice: KernelChoice) => void;
}

export interface BuildResult {
  readonly output: string;
  readonly manifest: Manifest;
  readonly imageBytes: number;
  readonly kernelChoice: KernelChoice;
  /** What the application needs, for the mode of the image. */
  readonly verdict: Inspection["verdicts"]["unikernel"];
  /** What is good to know of the application. */
  readonly notes: readonly string[];
  /** Path of the bzImage, when one was asked for. */
  readonly bzImage?: string;
  readonly timingsMs: Readonly<
    Record<"application" | "inspection" | "kernel" | "stubs" | "image" | "verify" | "total", number>
  >;
}

/** Builds one image. Nothing is written to `output` unless the image passed its verification. */
export async function build(request: BuildRequest): Promise<BuildResult> {
  const { configuration, output } = request;
  return withScratchDirectory(async (scratch) => {
    const time = stopwatch();
    const plan = await planImage(request, scratch, time);
    const { kernel, application, inspection, payload, manifest, manifestText, kernelSymbols } = plan;
    const image = await readFile(await linkImage(plan.parts, payload, scratch));
    time.lap("image");

    checkBuiltMemory(image, manifest, application.path);
    verifyImage(image, output, { payload, application, manifest: manifestText, kernelSymbols });
    // It is no program of the host, which would load it where a program is, and end it by a signal.
    await writeOutput(output, image, 0o644);
    time.lap("verify");

    const bzImage = request.bzImage
      ? { bzImage: await writeBzImage(kernel.directory, image, output, scratch) }
      : {};
    return {
      output,
      manifest,
      imageBytes: image.length,
      kernelChoice: plan.choice,
      notes: plan.notes,
      verdict: inspection.verdicts[configuration.mode],
      timingsMs: time.totalMs() as BuildResult["timingsMs"],
      ...bzImage,
    };
  });
}

function checkBuiltMemory(image: Uint8Array, manifest: Manifest, what: string): void {
  const loaded = loadedBytes(parseElf(image, what).segments);
  const { memory, cpus } = manifest.run;
  checkImageMemory(manifest, loaded, { memory, cpus, what });
}

/** All that goes into the last link. */
interface ImagePlan {
  readonly kernel: CachedKernel;
  readonly choice: KernelChoice;
  readonly application: ElfFile;
  readonly inspection: Inspection;
  readonly mask: Mask;
  /** The text of the system call dispatch. */
  readonly dispatch: string;
  /** What bound sites call. */
  readonly calls: CallTable | undefined;
  readonly parts: KernelParts;
  readonly payload: Payload;
  readonly manifest: Manifest;
  readonly manifestText: string;
  readonly kernelSymbols: ReadonlyMap<string, bigint>;
  readonly notes: readonly string[];
}

/** The passes in front of the last link. */
export async function planImage(
  { configuration, onProgress, onKernelChoice, isUrgent = false }: Omit<BuildRequest, "output" | "bzImage">,
  scratch: string,
  time: Stopwatch,
): Promise<ImagePlan> {
  const { mode } = configuration;
  const contents = await imageContents(configuration, scratch, time);
  const { target, inputs, linked: first, place, inspection, bindings, programs, open, files } = contents;
  const { tree: closure, attributes } = contents;
  const { programs: named } = configuration.ring0;
  const beside = ring0Files(named, contents, [place.path, place.file]);
  const ring0 = mode === "unikernel" ? beside : new Set<string>();
  const { from } = configuration.mask;
  const listed = from === undefined ? undefined : await readCallList(from);
  const symbolNames = kernelSymbolNames(configuration);
  const used = usedCalls(programs, open);
  const mask = chooseMask(configuration.mask, used, listed, syscallNames);

  const callsKernel = somewhere(symbolNames).size > 0;
  const process = launchedProcess(configuration, place.path, target);
  const wished = await chooseImageKernel({
    configuration,
    programs,
    callsKernel,
    open,
    user: process.user,
    files: [...files, ...closure.files.values()],
    withAttributes: [...attributes.keys()],
  });
  onKernelChoice?.(wished);
  const { kernel, choice } = await getImageKernel(wished, configuration, { isUrgent, onProgress });
  time.lap("kernel");

  const initParts = { setsAttributes: attributes.size > 0 };
  const { dispatch, calls } = await renderStubs(kernel, { mask, bindings, initParts }, configuration);
  const { init, parts: wholeParts } = await compileStubs(kernel, { dispatch, calls, initParts });
  const parts = await withoutDeadCode(wholeParts, symbolNames, scratch);
  const kernelSymbols = await findKernelSymbols(parts, symbolNames, scratch);
  time.lap("stubs");

  const last =
    symbolNames.length === 0
      ? first
      : await linkedApplication(configuration, { inputs, target }, kernelSymbols, scratch);
  const unbound = { application: last.application, applicationPath: first.path, tree: closure };
  const { application, tree } = bindFiles(unbound, bindings, calls);
  time.lap("binding");
  const sites = calls === undefined ? {} : { sites: countSites(bindings, calls) };
  const { digests } = inputs;
  const surroundings = surroundingsOf(contents, configuration);
  const machine = machineOf(surroundings, imageName(configuration), contents, configuration);
  const rooted = withRing0({ files, tree }, ring0);
  const entries = rootEntries({
    ...{ init, process, guestFile: place.file, tree: rooted.tree, surroundings, attributes },
    files: [...rooted.files, ...machineFiles(machine, surroundings, contents)],
  });
  const members = archiveMembers(entries);
  const rootBytes = members.length + application.bytes.length;
  const memory = configuration.run.memory ?? memoryFor(rootBytes);
  const manifest = describeImage({
    ...{ configuration, kernel, choice, inputs: digests, application, used, mask, files },
    ...sites,
    ...{ process, rootBytes, copiedBytes: copiedBytes(entries), memory, machine },
  });
  const manifestText = JSON.stringify(manifest);
  const payload = layOutPayload({
    members,
    application,
    guestPath: place.file,
    permissions: (mode === "unikernel" ? ring0Permissions : 0o755) | contents.applicationFile.setId,
    owner: contents.applicationFile.owner,
    modified: target?.view.node(target.file)?.modified,
    manifest: manifestText,
  });
  return {
    ...{ kernel, choice, application, inspection, mask, dispatch, calls, parts },
    ...{ payload, manifest, manifestText, kernelSymbols },
    notes: [...contents.notes, ...(await lostAttributes(kernel.directory, attributes))],
  };
}

const syscallNames = allSyscalls.map(({ name }) => name);

/** What stubs are rendered for. */
interface StubParts {
  readonly mask: Mask;
  readonly bindings: readonly Bindings[];
  readonly initParts: InitParts;
}

interface RenderedStubs {
  readonly dispatch: string;
  /** Of an image whose sites are bound. */
  readonly calls: CallTable | undefined;
}

async function renderStubs(
  { directory }: CachedKernel,
  { mask, bindings, initParts }: StubParts,
  { shortcuts: takesShortcuts }: ResolvedConfiguration,
): Promise<RenderedStubs> {
  const table = parseSyscallTable(await readFile(join(directory, "syscall_64.tbl"), "utf8"));
  const { decisions } = mask;
  const further = initParts.setsAttributes ? attributeCalls : [];
  const dispatch = renderDispatch(await readDispatchTemplate(), table, decisions, further);
  if (bindings.length === 0) return { dispatch, calls: undefined };
  const asked = { numbers: boundNumbers(bindings), words: boundWords(bindings) };
  const request = { table, decisions, ...asked, takesShortcuts };
  return { dispatch, calls: renderCalls(await readCallsTemplate(), request) };
}

interface Stubs {
  readonly init: Uint8Array;
  readonly parts: KernelParts;
}

async function compileStubs(
  { compiler, directory }: CachedKernel,
  { dispatch, calls, initParts }: RenderedStubs & { readonly initParts: InitParts },
): Promise<Stubs> {
  const [init, ...stubs] = await Promise.all([
    compileInit(compiler, initParts).then((path) => readFile(path)),
    compileDispatch(dispatch, directory, compiler),
    ...(calls === undefined ? [] : [compileCalls(calls.text)]),
  ]);
  return { init, parts: { directory, object: join(directory, "vmlinux.o"), stubs } };
}
