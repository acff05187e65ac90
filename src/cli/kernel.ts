// SPDX-License-Identifier: MIT
/** `ukl kernel`. */
import { type Command, Option } from "commander";
import { cacheDirectory } from "../host/places.js";
import { kernelCache } from "../kernel/cache.js";
import { getKernel } from "../kernel/kernel.js";
import { formatKernels } from "../report.js";
import { type Invocation, progressPrinter } from "./terminal.js";

export function addKernel(program: Command, { terminal }: Invocation): void {
  const kernel = program.command("kernel").description("the cache of kernel objects");
  kernel
    .command("build")
    .description("build the kernels that images are linked with")
    .addOption(new Option("--mode <mode>", "only this one").choices(["unikernel", "classic"]))
    .option("--kernel-source <path>", "Linux source directory or tarball")
    .action(async (flags: { mode?: "unikernel" | "classic"; kernelSource?: string }) => {
      const source = flags.kernelSource ?? process.env["UKL_KERNEL_SOURCE"];
      for (const mode of flags.mode === undefined ? (["unikernel", "classic"] as const) : [flags.mode]) {
        const progress = progressPrinter(terminal);
        const request = { mode, onProgress: progress.show, ...(source === undefined ? {} : { source }) };
        const made = await getKernel(request).finally(progress.end);
        terminal.print(`${mode} kernel: Linux ${made.version} in ${made.directory}\n`);
      }
    });
  kernel
    .command("list")
    .option("--json", "print as JSON")
    .action(async (flags: { json?: true }) => {
      const kernels = await kernelCache(cacheDirectory()).list();
      terminal.print(flags.json ? `${JSON.stringify(kernels, undefined, 2)}\n` : formatKernels(kernels));
    });
  kernel
    .command("prune")
    .description("remove kernels not used for 30 days, and what they were built from")
    .option("--all", "remove every kernel")
    .action(async (flags: { all?: true }) => {
      const removed = await kernelCache(cacheDirectory()).prune(flags.all === true ? 0 : 30);
      terminal.print(`removed ${removed} kernel${removed === 1 ? "" : "s"}\n`);
    });
}
