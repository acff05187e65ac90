// SPDX-License-Identifier: MIT
/** Options that several commands have, and how their words are read. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { sizePattern } from "../config/schema.js";
import { maskPolicies } from "../mask/policy.js";
import { netPattern, netUsage, parsePort, portUsage } from "../network-options.js";

/** Throws what commander turns into its message about the option. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (value > 0 && value < 2 ** 21) return value;
  throw new InvalidArgumentError("It is not a positive number.");
}

export function wholeNumber(text: string): number {
  const value = positiveNumber(text);
  if (Number.isInteger(value)) return value;
  throw new InvalidArgumentError("It is not a whole number.");
}

function collectPort(value: string, earlier: readonly string[]): readonly string[] {
  if (parsePort(value) !== undefined) return collect(value, earlier);
  throw new InvalidArgumentError(`Write ${portUsage}, with ports from 1 to 65535.`);
}

/** As QEMU is told it, in whole MiB or GiB. */
function size(value: string): string {
  if (sizePattern.test(value)) return value;
  throw new InvalidArgumentError("It is no size. Write a whole number of MiB or GiB, such as 128M or 1G.");
}

/** A machine has 64 CPUs at most, and the configuration says the same. */
function cpuCount(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 64) return value;
  throw new InvalidArgumentError("It is not a whole number from 1 to 64.");
}

function network(value: string): string {
  if (netPattern.test(value)) return value;
  throw new InvalidArgumentError(`Write ${netUsage}.`);
}

export function collect(value: string, earlier: readonly string[]): readonly string[] {
  return [...earlier, value];
}

/** The options that describe an image, shared by `build` and `run`. */
export function addImageOptions(command: Command): Command {
  return command
    .option("--config <file>", "configuration file (default: ukl.config.ts or ukl.config.json)")
    .option("--as <kind>", "the kind of project that the target is, where several fit")
    .option("--plan", "print how a project is understood, and build nothing")
    .option("--pull", "fetch a Debian package that is not installed, without installing it")
    .option("--unpack-limit <size>", "what archives may unpack to (default: 2G)", size)
    .option("--name <name>", "name of the image and of the program in the guest")
    .addOption(new Option("--mode <mode>", "ring 0 or ring 3").choices(["unikernel", "classic"]))
    .option("--no-bind", "leave the system call instructions of the program as they are")
    .option("--shortcuts", "let bound reads, writes and waits take the kernel's shortcuts, in unikernel mode")
    .option("-l, --library <name>", "link this library", collect, [])
    .option("-L, --library-path <dir>", "look for libraries here", collect, [])
    .option("--cc <compiler>", "compile and link with this compiler")
    .option("--cflag <flag>", "pass to the compiler", collect, [])
    .option("--ldflag <flag>", "pass to the compiler driver when linking", collect, [])
    .option("-w, --workdir <path>", "where the program starts in the guest (default: /)")
    .option("-u, --user <user[:group]>", "as whom the program runs (default: root)")
    .option("-e, --env <name=value>", "set in the program's environment", collect, [])
    .option(
      "--include <[guest=]host>",
      "put a file or directory into the image, at its own path or another; behind the target several",
      collect,
      [],
    )
    .option("--ring0 <path>", "run this guest program in ring 0 too, in unikernel mode", collect, [])
    .addOption(
      new Option("--mask <policy>", "what a system call without use gets").choices([...maskPolicies, "none"]),
    )
    .option("--mask-call <name=policy>", "what one system call gets; 'allow' lets it through", collect, [])
    .option("--mask-from <file>", "a trace or list of the calls that the program makes")
    .addOption(
      new Option("--kernel <base>", "for what the program uses, or for programs of all kinds").choices([
        "special",
        "generic",
      ]),
    )
    .option("--kernel-source <path>", "Linux source directory or tarball")
    .option("--kernel-option <name=value>", "set a kernel option", collect, [])
    .option("--kernel-symbol <name>", "let the program use this kernel symbol", collect, [])
    .option("-m, --memory <size>", "memory of the guest, such as 128M", size)
    .option("--smp <n>", "virtual CPUs", cpuCount)
    .option(
      "-p, --port <[address:]host:guest[/udp]>",
      "let a port of the host lead to the guest",
      collectPort,
      [],
    )
    .option("--net <kind>", `how the guest is connected: ${netUsage}`, network)
    .option("--hostname <name>", "what the machine is called (default: the guest's or the image's name)")
    .option(
      "--ulimit <name=soft[:hard]>",
      "a limit of the program's process, as docker run has it",
      collect,
      [],
    )
    .option("-v, --volume <host:guest[:ro]>", "mount a directory of the host", collect, [])
    .option(
      "--disk <file[:guest][:size]>",
      "mount an ext4 disk image; with a size it is made if absent",
      collect,
      [],
    );
}
