// SPDX-License-Identifier: MIT
/** Runs an image, or builds one from an application first. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UklError } from "./errors.js";
import { formatCommand } from "./host/exec.js";
import { withScratchDirectory } from "./host/files.js";
import { readManifest } from "./image.js";
import type { Manifest } from "./manifest.js";
import { archiveMembers, archiveTrailer } from "./rootfs/cpio.js";
import { defaultEnvironment, launchFiles } from "./rootfs/root.js";
import { selectAccelerator } from "./vm/accelerator.js";
import { type Accelerator, type MachineOptions, qemuCommand } from "./vm/command.js";
import type { ConsoleOptions } from "./vm/machine.js";
import { type RunResult, runImage } from "./vm/run.js";

export interface RunRequest {
  readonly imagePath: string;
  readonly accelerator: "auto" | Accelerator;
  readonly mode?: Manifest["mode"];
  readonly memory?: string;
  readonly cpus?: number;
  /** Replace the image's own arguments; argv[0] stays the program's path. */
  readonly args?: readonly string[];
  /** Added to the image's own environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly kernelArguments?: readonly string[];
  readonly instructionCount?: boolean;
}

/** Throws UKL-503 and UKL-504 for what is no image, UKL-6xx for what happens to the machine. */
export async function run(request: RunRequest, console: ConsoleOptions): Promise<RunResult> {
  return withMachine(request, (machine) => runImage({ ...machine, ...console }));
}

/** The exact command that `run` would execute; a file of replaced arguments is named but not kept. */
export async function dryRun(request: RunRequest): Promise<string> {
  return withMachine(request, async (machine) => formatCommand(qemuCommand(machine)));
}

/** Calls `work` with the machine for a request; the files that this made are gone afterwards. */
export async function withMachine<T>(
  request: RunRequest,
  work: (machine: MachineOptions) => Promise<T>,
): Promise<T> {
  const manifest = await imageManifest(request.imagePath);
  const bootMode = chooseBootMode(manifest, request);
  const { accelerator, tscKhz } = await selectAccelerator(request.accelerator);
  return withScratchDirectory(async (scratch) => {
    const initrd = launchArchive(manifest, request);
    const initrdPath = join(scratch, "launch.cpio");
    if (initrd !== undefined) await writeFile(initrdPath, initrd);
    const { imagePath, kernelArguments, instructionCount } = request;
    return work({
      imagePath,
      accelerator,
      tscKhz,
      bootMode,
      memory: request.memory ?? manifest.run.memory,
      cpus: request.cpus ?? manifest.run.cpus,
      ...(kernelArguments === undefined ? {} : { kernelArguments }),
      ...(instructionCount === undefined ? {} : { instructionCount }),
      ...(initrd === undefined ? {} : { initrdPath }),
    });
  });
}

async function imageManifest(path: string): Promise<Manifest> {
  const manifest = await readManifest(path);
  if (manifest !== undefined) return manifest;
  throw new UklError("UKL-503", {
    what: `${path} is not an image`,
    cause: "it has no manifest of ukl",
    fix: `build it first: ukl build ${path}`,
  });
}

/** The bytes of an image can take privilege from the application, but not give it. */
function chooseBootMode(
  manifest: Manifest,
  { imagePath, mode = manifest.mode }: RunRequest,
): Manifest["mode"] {
  if (manifest.mode === "unikernel" || mode === "classic") return mode;
  throw new UklError("UKL-503", {
    what: `${imagePath} cannot run in unikernel mode`,
    cause: "it was built in classic mode, from a kernel that does not know ring-0 applications",
    fix: "build it with --mode unikernel; such an image runs in either mode",
  });
}

/** What replaces the image's launch files: an archive that the kernel unpacks over them. */
function launchArchive(manifest: Manifest, { args, env }: RunRequest): Buffer | undefined {
  if (args === undefined && Object.keys(env).length === 0) return undefined;
  const environment = { ...defaultEnvironment, ...manifest.environment, ...env };
  const files = launchFiles(manifest.application.guestPath, args ?? manifest.arguments, environment);
  return Buffer.concat([archiveMembers(files.map((file) => ({ kind: "file", ...file }))), archiveTrailer]);
}
