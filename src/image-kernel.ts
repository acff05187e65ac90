// SPDX-License-Identifier: MIT
/** The kernel of one image: options follow from what its programs use, and a kernel from those. */
import type { ResolvedConfiguration } from "./config/schema.js";
import { canRun } from "./included.js";
import type { CachedKernel } from "./kernel/cache.js";
import type { Progress } from "./kernel/compile.js";
import { findKernel, getKernel, kernelLacks } from "./kernel/kernel.js";
import type { RootFile } from "./rootfs/root.js";
import { chooseKernel, type KernelChoice, settingsOf } from "./specialise/choose.js";
import { readNeeds } from "./specialise/needs.js";
import type { ProgramUses } from "./specialise/select.js";
import { otherUses } from "./specialise/uses.js";

export interface KernelWish {
  readonly configuration: Pick<ResolvedConfiguration, "mode" | "kernel" | "args" | "env" | "run">;
  /** All of the image. */
  readonly programs: readonly ProgramUses[];
  /** The application calls functions of the kernel, which may need anything. */
  readonly callsKernel: boolean;
  /** Why programs of the image may use more than is known. */
  readonly open?: string | undefined;
  /** As whom the application starts, where that is not root. */
  readonly user?: { readonly uid: number } | undefined;
  /** The files of the image beside the application. */
  readonly files: readonly RootFile[];
  /** Paths of files with extended attributes. */
  readonly withAttributes: readonly string[];
}

export async function chooseImageKernel(wish: KernelWish): Promise<KernelChoice> {
  const { configuration, programs, callsKernel, files, open, user, withAttributes } = wish;
  const { args, env, run, kernel } = configuration;
  const texts = files.filter(({ data, isData }) => !isData && !canRun(data));
  const isRoot = user === undefined || user.uid === 0;
  const usesSockets = programs.some(
    ({ socketFamilies, features }) =>
      socketFamilies.some(({ name }) => /^AF_INET6?$/.test(name)) ||
      features.some(({ name }) => name === "sockets by computed family"),
  );
  const others = otherUses({ args, env, run, isRoot, usesSockets, texts, withAttributes });
  const { base = "special", options: configured } = kernel;
  return chooseKernel(await readNeeds(), { base, uses: { programs, others }, callsKernel, open, configured });
}

export interface ImageKernel {
  readonly kernel: CachedKernel;
  readonly choice: KernelChoice;
}

export interface KernelPatience {
  /** Rather the generic kernel at once than a special one in some minutes. */
  readonly isUrgent: boolean;
  readonly onProgress: (progress: Progress) => void;
}

/** The chosen kernel; where that is urgent perhaps the generic one, which the result says. */
export async function getImageKernel(
  choice: KernelChoice,
  { mode, kernel }: KernelWish["configuration"],
  { isUrgent, onProgress }: KernelPatience,
): Promise<ImageKernel> {
  const source = kernel.source ?? process.env["UKL_KERNEL_SOURCE"];
  const common = { mode, options: kernel.options, ...(source === undefined ? {} : { source }) };
  const request = { ...common, base: choice.base, settings: settingsOf(await readNeeds(), choice) };
  if (isUrgent && (await findKernel(request)) === undefined) {
    const generic = await findKernel(common);
    if (generic !== undefined) return { kernel: generic, choice: await insteadOf(choice, generic) };
  }
  return { kernel: await getKernel({ ...request, onProgress }), choice };
}

/** The choice of the generic kernel as it is, in place of one that is yet to be built. */
async function insteadOf(choice: KernelChoice, generic: CachedKernel): Promise<KernelChoice> {
  const lacking = await kernelLacks(generic, choice.options);
  const why = choice.because ?? "no special kernel was built for this application yet: 'ukl build' does";
  const because = [why, ...(lacking.length === 0 ? [] : [`this one lacks ${lacking.join(", ")}`])].join("; ");
  return { ...choice, base: "generic", because };
}
