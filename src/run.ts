// SPDX-License-Identifier: MIT
/** Runs an image, or builds one from an application first. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UklError } from "./errors.js";
import { formatCommand } from "./host/exec.js";
import { withScratchDirectory } from "./host/files.js";
import { packageFile } from "./host/places.js";
import { type Image, readArchive, readImage } from "./image.js";
import { checkImageMemory, loadedBytes } from "./image-memory.js";
import { asEntries, planLaunch } from "./launch.js";
import type { Manifest } from "./manifest.js";
import { type ArchiveEntry, archiveMembers, archiveTrailer } from "./rootfs/cpio.js";
import { hostnameOf, machineFile, nameFiles } from "./rootfs/machine.js";
import { mountsFile, type RootFile } from "./rootfs/root.js";
import {
  connectNetwork,
  guestFiles,
  leaveNetwork,
  type Network,
  type PlannedNetwork,
  planRunNetwork,
} from "./run-network.js";
import { hasOption, lackingOptions } from "./specialise/lacking.js";
import { readNeeds } from "./specialise/needs.js";
import { changedMachine } from "./surroundings.js";
import { selectAccelerator } from "./vm/accelerator.js";
import { prepareAttachments } from "./vm/attach.js";
import { type AttachmentPlan, type Attachments, planAttachments } from "./vm/attachments.js";
import { type Accelerator, type MachineOptions, qemuCommand } from "./vm/command.js";
import type { ConsoleOptions } from "./vm/machine.js";
import { type RunResult, runImage } from "./vm/run.js";
import { type Stdio, streams } from "./vm/stdio.js";

export interface RunRequest {
  readonly imagePath: string;
  /** Where it has been read already. */
  readonly image?: Image;
  readonly accelerator: "auto" | Accelerator;
  readonly mode?: Manifest["mode"];
  readonly memory?: string;
  readonly cpus?: number;
  /** Replace the image's own arguments; argv[0] stays the program's path. */
  readonly args?: readonly string[];
  /** Added to the image's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Instead of the image's own, written as for -u. */
  readonly user?: string;
  /** Put over the image's own files: absolute path in the guest → path on the host. No programs. */
  readonly include?: Readonly<Record<string, string>>;
  readonly kernelArguments?: readonly string[];
  readonly instructionCount?: boolean;
  /** Instead of the image's own, written as for -p and --net. */
  readonly ports?: readonly string[];
  readonly net?: string;
  /** Instead of the image's own. */
  readonly hostname?: string;
  /** What the machine is called where nobody says; an image for which that makes no difference keeps its own. */
  readonly guestName?: string;
  /** Over the image's own, by name: SOFT[:HARD]. */
  readonly ulimits?: Readonly<Record<string, string>>;
  /** Called with what the user should know before the machine starts. */
  readonly onNote?: (text: string) => void;
  readonly attachments?: Attachments;
  /** What standard input, output and error are. Default: streams. */
  readonly stdio?: Stdio;
  /** A bzImage that is booted instead, with the image's root file system; its drivers are what it has. */
  readonly kernelImage?: string;
  /** Added to QEMU's command line. */
  readonly qemuArguments?: readonly string[];
}

/** Throws UKL-503 and UKL-504 for what is no image, UKL-6xx for what happens to the machine. */
export async function run(request: RunRequest, console: ConsoleOptions): Promise<RunResult> {
  return withMachine(request, connectNetwork, async (machine, network, { application }) => {
    if (request.attachments !== undefined) await prepareAttachments(request.attachments, application.user);
    const onStart = async () => {
      await Promise.all([network.console.onStart?.(), console.onStart?.()]);
    };
    return runImage({ ...machine, ...console, ...network.console, onStart });
  });
}

/** The exact commands that `run` would execute; a file of replaced arguments is named but not kept. */
export async function dryRun(request: RunRequest): Promise<string> {
  const commands = await withMachine(request, leaveNetwork, async (machine, { plan }) => [
    ...(plan.helper === undefined ? [] : [plan.helper]),
    qemuCommand(machine),
    ...(plan.relay === undefined ? [] : [plan.relay]),
  ]);
  return commands.map(formatCommand).join("\n");
}

/** Calls `work` with the machine for a request; the files that this made are gone afterwards. */
export async function withMachine<T>(
  request: RunRequest,
  connect: (planned: PlannedNetwork, scratch: string) => Promise<Network>,
  work: (machine: MachineOptions, network: Network, manifest: Manifest) => Promise<T>,
): Promise<T> {
  const { manifest, segments } = checkEntry(request, request.image ?? (await openImage(request.imagePath)));
  const bootMode = chooseBootMode(manifest, request);
  const attachments = await chooseAttachments(manifest, request);
  const memory = request.memory ?? manifest.run.memory;
  const cpus = chooseCpus(manifest, request);
  const launch = await planLaunch(manifest, request);
  checkImageMemory(manifest, loadedBytes(segments), {
    ...{ memory, cpus, addedBytes: launch.addedBytes, what: request.imagePath },
  });
  const { accelerator, tscKhz } = await selectAccelerator(request.accelerator);
  const planned = await planRunNetwork(manifest, request);
  return withScratchDirectory(async (scratch) => {
    const network = await connect(planned, scratch);
    try {
      const archives = [
        ...(request.kernelImage === undefined ? [] : [await readArchive(request.imagePath)]),
        ...launchArchive([
          ...launch.entries,
          ...asEntries(await changedFiles(network, manifest, request)),
          ...(attachments.mounts.length === 0 ? [] : asEntries([mountsFile(attachments.mounts)])),
        ]),
      ];
      const initrdPath = join(scratch, "launch.cpio");
      if (archives.length > 0) await writeFile(initrdPath, Buffer.concat(archives));
      const { instructionCount } = request;
      const machine = {
        imagePath: request.kernelImage ?? request.imagePath,
        accelerator,
        tscKhz,
        bootMode,
        attachments,
        memory,
        cpus,
        stdio: request.stdio ?? streams,
        devices: [...network.plan.devices, ...(request.qemuArguments ?? [])],
        ...(network.plan.environment === undefined ? {} : { environment: network.plan.environment }),
        kernelArguments: await kernelArguments(request),
        ...(instructionCount === undefined ? {} : { instructionCount }),
        ...(archives.length === 0 ? {} : { initrdPath }),
      };
      return await work(machine, network, manifest);
    } finally {
      await network.close();
    }
  });
}

/** What the machine is told of itself and of its network. */
async function changedFiles(
  network: Network,
  manifest: Manifest,
  { hostname, guestName, ulimits, include = {} }: RunRequest,
): Promise<readonly RootFile[]> {
  const { run, machine: own, files } = manifest;
  const implied = own === undefined || run.hostname !== undefined ? undefined : guestName;
  const wanted = hostname ?? (implied === undefined ? undefined : hostnameOf(implied));
  const machine = changedMachine(manifest, { hostname: wanted, ulimits, settings: await hostSettings() });
  const name = machine?.hostname ?? own?.hostname ?? manifest.name;
  const given = new Set([...files.map(({ path }) => path), ...Object.keys(include)]);
  const changed = machine === undefined ? [] : [machineFile(machine), ...nameFiles(name)];
  const byPath = new Map([...changed, ...(await guestFiles(network, name))].map((file) => [file.path, file]));
  return [...byPath.values()].filter(({ path }) => !given.has(path));
}

/** How far memory may be promised is this host's to say, where it is not as Linux has it by default. */
async function hostSettings(): Promise<Readonly<Record<string, string>>> {
  const path = "/proc/sys/vm/overcommit_memory";
  const value = (await readFile(path, "utf8").catch(() => "0")).trim();
  return value === "1" ? { [path]: value } : {};
}

/** Throws UKL-503 and UKL-504. */
export async function openImage(path: string): Promise<Image> {
  const image = await readImage(path);
  if (image !== undefined) return image;
  throw new UklError("UKL-503", {
    what: `${path} is not an image`,
    cause: "it has no manifest of ukl",
    fix: `build it first: ukl build ${path}`,
  });
}

/** Throws UKL-503. */
function checkEntry({ imagePath }: RunRequest, image: Image): Image {
  if (image.hasEntryNote) return image;
  throw new UklError("UKL-503", {
    what: `${imagePath} cannot be started`,
    cause: "its PVH entry note is not there: something took notes out of the file after it was built",
    fix: "build it again, and leave its notes in; 'strip' and 'objcopy --strip-all' do",
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

function chooseCpus({ kernel, run }: Manifest, { cpus = run.cpus, onNote }: RunRequest): number {
  if (cpus > 1 && !hasOption(kernel, "CONFIG_SMP")) {
    onNote?.(
      `the kernel of the image uses one of ${cpus} CPUs: it was built without CONFIG_SMP; build it with --smp ${cpus}, or with --kernel generic`,
    );
  }
  return cpus;
}

/** What the machine gets, if the image's kernel can use it. */
async function chooseAttachments(
  { kernel }: Manifest,
  { imagePath, attachments = { volumes: {}, disks: {} } }: RunRequest,
): Promise<AttachmentPlan> {
  const plan = planAttachments(attachments, process.getuid?.() === 0);
  const needs = await readNeeds();
  for (const { type } of plan.mounts) {
    const { feature, option } = { "9p": featureOfVolumes, ext4: featureOfDisks }[type];
    const [lacking] = lackingOptions(needs, kernel, feature);
    if (lacking === undefined) continue;
    throw new UklError("UKL-623", {
      what: `${imagePath} cannot use ${feature}`,
      cause: `its kernel was built for what the application uses, without ${lacking}`,
      fix: `build it with ${option}, or with --kernel generic`,
    });
  }
  return plan;
}

/** Rows of kernel/config/needs.json. */
const featureOfVolumes = { feature: "volumes", option: "-v" };
const featureOfDisks = { feature: "a disk", option: "--disk" };

/** An archive that the kernel unpacks over the image's. */
function launchArchive(entries: readonly ArchiveEntry[]): readonly Buffer[] {
  return entries.length === 0 ? [] : [archiveMembers(entries), archiveTrailer];
}

/** Our own kernels have the first words built in. */
async function kernelArguments(request: RunRequest): Promise<readonly string[]> {
  const { kernelImage, kernelArguments = [] } = request;
  if (kernelImage === undefined) return kernelArguments;
  const options = await readFile(packageFile("kernel", "config", "base.config"), "utf8");
  const builtIn = /^CONFIG_CMDLINE="(.*)"$/m.exec(options)?.[1] ?? "";
  // The console is the first serial port, for which kernels of others have another name.
  return [...builtIn.split(" "), "console=ttyS0", ...kernelArguments];
}
