// SPDX-License-Identifier: MIT
/**
 * Builds the kernel objects of one configuration, up to the last link. That link is done for every image
 * anew, with the application beside the kernel, so what is kept is one relocatable object and its script.
 */
import { access, copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { UklError } from "../errors.js";
import { type Command, lastLines, type Outcome, run } from "../host/exec.js";
import { checkOptionsStuck, type Options, parseConfiguration, renderOptions } from "./configuration.js";

export interface Progress {
  readonly step: string;
  /** 0 to 1 where it is known. */
  readonly fraction?: number;
}

export interface CompileRequest {
  readonly sourceDirectory: string;
  /**
   * Kept from one configuration to the next, of the same source, compiler and mode: Kbuild compiles again what an
   * option changes. Nobody else may use it meanwhile.
   */
  readonly buildDirectory: string;
  /** Receives `keptFiles`. */
  readonly outputDirectory: string;
  readonly wanted: Options;
  readonly onProgress: (progress: Progress) => void;
}

/** Path in the build directory → name in the cache entry. */
const keptFiles: Readonly<Record<string, string>> = {
  "vmlinux.o": "vmlinux.o",
  "init/version-timestamp.o": "version-timestamp.o",
  "arch/x86/kernel/vmlinux.lds": "vmlinux.lds",
  "arch/x86/boot/setup.bin": "setup.bin",
  "arch/x86/boot/compressed/vmlinux.lds": "decompressor.lds",
  ".config": "config",
};

/** What the image has to say: its own definitions win over the kernel's. The archive's size, and the calls it serves. */
const ownedByImage = ["__initramfs_size", "x64_sys_call"];

/** Sections that the kernel's script discards, or that say nothing: every image would read them again. */
const neverLinked = [
  ".comment",
  ".discard*",
  ".export_symbol",
  ".exitcall.exit",
  ".modinfo",
  ".note.GNU-stack",
];

/** The kernel's decompressor, in front of every bzImage; all but the object with the compressed kernel. */
const decompressorDirectory = "arch/x86/boot/compressed";
const payloadObject = "piggy.o";
/** With CONFIG_EFI_STUB: of what it has, the decompressor's link takes what the objects want. */
const stubLibrary = "drivers/firmware/efi/libstub/lib.a";

/** What the kernel's own tinyconfig is made of. */
const tinyFragments = [
  "kernel/configs/tiny-base.config",
  "kernel/configs/tiny.config",
  "arch/x86/configs/tiny.config",
];

/** A kernel like ours compiles about this many objects; only the progress display depends on it. */
const usualObjectCount = 1300;

/** Nothing of the building machine or the moment gets into the objects. */
const reproducible = [
  "KBUILD_BUILD_TIMESTAMP=1970-01-01",
  "KBUILD_BUILD_USER=ukl",
  "KBUILD_BUILD_HOST=ukl",
  "KBUILD_BUILD_VERSION=1",
];

/** There while the last build in a directory came to its end; else an object may be half written. */
const completeMark = ".ukl-complete";

/** Throws UKL-304 when an option did not stick and UKL-305 when the kernel does not build. */
export async function compileKernel(request: CompileRequest): Promise<void> {
  const { buildDirectory, onProgress } = request;
  onProgress({ step: "configuring the kernel" });
  await openBuildDirectory(buildDirectory);
  await configure(request);
  // From here on objects change; a configuration that was refused has cost nothing.
  await rm(join(buildDirectory, completeMark), { force: true });

  let objects = 0;
  const onLine = (line: string) => {
    if (!/^ {2}(?:CC|AS|AR|LD) /.test(line)) return;
    objects += 1;
    onProgress({ step: "compiling the kernel", fraction: Math.min(objects / usualObjectCount, 0.99) });
  };
  const compile = make(request, ["-j", String(availableParallelism() + 1), "bzImage"]);
  await run(compile, { onLine, explain: notBuilt });

  await mkdir(request.outputDirectory, { recursive: true });
  for (const [from, to] of Object.entries(keptFiles)) {
    await copyFile(join(buildDirectory, from), join(request.outputDirectory, to));
  }
  await keepDecompressor(request);
  const table = join(request.outputDirectory, "syscall_64.tbl");
  await copyFile(join(request.sourceDirectory, "arch/x86/entry/syscalls/syscall_64.tbl"), table);
  const weaken = ownedByImage.map((symbol) => `--weaken-symbol=${symbol}`);
  const remove = neverLinked.map((name) => `--remove-section=${name}`);
  await run({ tool: "objcopy", args: [...weaken, ...remove, join(request.outputDirectory, "vmlinux.o")] });
  await writeFile(join(buildDirectory, completeMark), "");
}

/**
 * What `make tinyconfig` does, with the wanted options merged over its fragments before Kconfig runs rather
 * than after: what nobody asked for is off, also where it only becomes visible through an option of ours.
 */
async function configure(request: CompileRequest): Promise<void> {
  const options = new Map<string, string>();
  for (const fragment of tinyFragments) {
    const text = await readFile(join(request.sourceDirectory, fragment), "utf8");
    for (const [name, value] of parseConfiguration(text)) options.set(name, value);
  }
  for (const [name, value] of request.wanted) options.set(name, value);

  const fragment = join(request.buildDirectory, "ukl.config");
  await writeFile(fragment, renderOptions(options));
  await run(make(request, [`KCONFIG_ALLCONFIG=${fragment}`, "allnoconfig"]), { explain: notBuilt });
  const got = await readFile(join(request.buildDirectory, ".config"), "utf8");
  checkOptionsStuck(request.wanted, parseConfiguration(got));
}

/** Starts from nothing unless the last build here was complete. */
async function openBuildDirectory(directory: string): Promise<void> {
  const complete = await access(join(directory, completeMark)).then(
    () => true,
    () => false,
  );
  // A compiler that outlived its killed build may still be writing.
  if (!complete) await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  await mkdir(directory, { recursive: true });
}

async function keepDecompressor({ buildDirectory, outputDirectory }: CompileRequest): Promise<void> {
  const cwd = join(buildDirectory, decompressorDirectory);
  const objects = (await readdir(cwd)).filter((name) => name.endsWith(".o") && name !== payloadObject);
  await run({ tool: "ar", args: ["rcD", join(outputDirectory, "decompressor.a"), ...objects.sort()], cwd });
  const hasStub = /^CONFIG_EFI_STUB=y$/m.test(await readFile(join(buildDirectory, ".config"), "utf8"));
  if (!hasStub) return;
  // A thin archive: it names its members, and does not hold them.
  const { stdout } = await run({ tool: "ar", args: ["t", stubLibrary], cwd: buildDirectory });
  const members = stdout.split("\n").filter((name) => name !== "");
  const library = join(outputDirectory, "efi-stub.a");
  await run({ tool: "ar", args: ["rcD", library, ...members], cwd: buildDirectory });
}

function make(request: CompileRequest, targets: readonly string[]): Command {
  // Three quarters of the compiler's time goes into headers, a seventh of that into where each macro came from.
  const variables = [
    "KCFLAGS=-ftrack-macro-expansion=0",
    `O=${request.buildDirectory}`,
    "ARCH=x86_64",
    ...reproducible,
  ];
  return { tool: "make", args: ["-C", request.sourceDirectory, ...variables, ...targets] };
}

function notBuilt(outcome: Outcome): UklError {
  const errors = outcome.stderr
    .split("\n")
    .filter((line) => /error|\*\*\*/i.test(line))
    .slice(0, 8);
  return new UklError("UKL-305", {
    what: "the kernel did not build",
    cause: errors.join("\n") || lastLines(outcome.stderr),
    fix: "run 'ukl doctor' to see whether a tool is missing, and check kernel.options in the configuration",
  });
}
