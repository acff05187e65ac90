// SPDX-License-Identifier: MIT
/**
 * The QEMU command line that runs an image, as a pure function of what is asked.
 *
 * The machine is microvm: no PCI, no ACPI, no legacy devices but those named here. Without ACPI QEMU starts
 * its smallest firmware (qboot), which describes the processors in an MP table and enters the kernel over PVH.
 */
import { UklError } from "../errors.js";
import type { Command } from "../host/exec.js";
import { firstFurtherFd } from "../host/spawn.js";
import type { AttachmentPlan } from "./attachments.js";
import { controlPort, powerPort } from "./guest-contract.js";
import { type Stdio, stdioWord } from "./stdio.js";

export type Accelerator = "kvm" | "tcg";

/** Where the machine's lines end on the host: QEMU's character devices, without their ids. */
export interface Lines {
  readonly console: string;
  readonly control: string;
  readonly words: string;
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Which of the program's further streams is which, when we stay beside QEMU. */
export const furtherStreams = ["control", "words", "stdin", "stdout", "stderr"] as const;

const [control, words, stdin, stdout, stderr] = furtherStreams.map(
  (_, index) => `socket,fd=${firstFurtherFd + index}`,
) as [string, string, string, string, string];

/** At streams of the process that started QEMU. */
const attachedLines: Lines = { console: "stdio,signal=off", control, words, stdin, stdout, stderr };

export interface MachineOptions {
  /** An ELF file with a PVH entry note. */
  readonly imagePath: string;
  readonly accelerator: Accelerator;
  /** Rate of the guest's TSC, as probed. Without it the kernel measures for itself, and may hang. */
  readonly tscKhz?: number;
  /**
   * The host's time of day, in milliseconds since 1970, when the machine is started. TCG only: KVM has a clock of its own.
   * Without it the guest's clock has the RTC's whole seconds.
   */
  readonly startedAtMs?: number;
  /** In QEMU's notation. Default "128M". */
  readonly memory?: string;
  /** Default 1. */
  readonly cpus?: number;
  /** "classic" runs the application of a unikernel image in ring 3. Default "unikernel". */
  readonly bootMode?: "unikernel" | "classic";
  /** What the program's standard input, output and error are. Without it the console is a pipe for all three. */
  readonly stdio?: Stdio;
  /** Further words of the kernel command line. */
  readonly kernelArguments?: readonly string[];
  /** A cpio archive that is unpacked over the image's files. */
  readonly initrdPath?: string;
  /** Arguments for devices beyond those that every machine has. */
  readonly devices?: readonly string[];
  /** Of QEMU's process, beside ours. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Disks and directories of the host; the initrd has what init mounts. */
  readonly attachments?: AttachmentPlan;
  /**
   * One guest instruction takes one nanosecond of guest time, and waiting takes none, so that guest times are
   * reproducible. TCG only.
   */
  readonly instructionCount?: boolean;
  /** Default: at the streams that `start` gives to QEMU. */
  readonly lines?: Lines;
  /** Default "qemu-system-x86_64". */
  readonly qemu?: string;
}

export const defaultQemu = "qemu-system-x86_64";

/**
 * TCG runs a repeated string instruction as a loop of single ones, so a kernel or C library that is told that bytes
 * are as fast as words copies eight times slower.
 */
const processor: Readonly<Record<Accelerator, string>> = { kvm: "host", tcg: "max,-erms,-fsrm" };

/** Of QEMU's own local APIC. Under KVM the timer goes by the TSC, whose rate is known. */
const lapicTimerKhz = 1_000_000;

/** `-icount shift=0`: one instruction a nanosecond, and the TSC counts instructions. */
const instructionCountTscKhz = 1_000_000;

/** Throws UKL-101. */
export function qemuCommand(options: MachineOptions): Command {
  const { accelerator, instructionCount = false, lines = attachedLines } = options;
  if (instructionCount && accelerator !== "tcg") {
    throw new UklError("UKL-101", {
      what: `instructions cannot be counted with the accelerator ${accelerator}`,
      cause: "only TCG, QEMU's translator, sees each instruction of the guest",
      fix: "add --accel tcg",
    });
  }
  const append = kernelCommandLine(options);
  return {
    tool: options.qemu ?? defaultQemu,
    ...(options.environment === undefined ? {} : { env: options.environment }),
    args: [
      // The RTC tells the guest the date. PIT and PIC stay on: without them the kernel has no first timer.
      ...["-M", "microvm,acpi=off,x-option-roms=off,rtc=on,pit=on,pic=on,isa-serial=on"],
      ...["-accel", accelerator, "-cpu", processor[accelerator]],
      ...(instructionCount ? ["-icount", "shift=0,sleep=off"] : []),
      ...["-smp", String(options.cpus ?? 1), "-m", options.memory ?? "128M"],
      ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
      ...["-chardev", `${lines.console},id=console`, "-serial", "chardev:console"],
      ...["-chardev", `${lines.control},id=control`],
      ...["-device", `isa-debugcon,iobase=${hex(controlPort)},chardev=control`],
      ...streamDevices(lines),
      ...["-device", `isa-debug-exit,iobase=${hex(powerPort)},iosize=1`],
      // By which a PC is reset, so that a program in ring 0 that does that does not go on.
      ...["-device", "i8042"],
      ...(options.devices ?? []),
      ...(options.attachments?.qemuArguments ?? []),
      ...["-kernel", options.imagePath],
      ...(options.initrdPath === undefined ? [] : ["-initrd", options.initrdPath]),
      ...["-append", append],
    ],
  };
}

/** One device with four ports (virtio 1.2, 5.3); that of the words is the first, which QEMU calls a console. */
function streamDevices({ words, stdin, stdout, stderr }: Lines): readonly string[] {
  const ports = Object.entries({ stdin, stdout, stderr }).flatMap(([name, line], index) => [
    ...["-chardev", `${line},id=${name}`],
    ...["-device", `virtserialport,chardev=${name},nr=${index + 1},name=${name}`],
  ]);
  return [
    ...["-device", "virtio-serial-device,max_ports=4"],
    ...["-chardev", `${words},id=words`, "-device", "virtconsole,chardev=words,nr=0"],
    ...ports,
  ];
}

function hex(port: number): string {
  return `0x${port.toString(16)}`;
}

function kernelCommandLine(options: MachineOptions): string {
  const tscKhz = options.instructionCount === true ? instructionCountTscKhz : options.tscKhz;
  const { accelerator, startedAtMs } = options;
  return [
    ...(tscKhz === undefined ? [] : [`tsc_early_khz=${tscKhz}`, "tsc=reliable"]),
    ...(accelerator === "tcg" && startedAtMs !== undefined ? [`wallclock_ms=${startedAtMs}`] : []),
    ...(accelerator === "tcg" ? [`lapic_timer_khz=${lapicTimerKhz}`] : []),
    ...(options.stdio === undefined ? [] : [stdioWord(options.stdio)]),
    ...(options.bootMode === "classic" ? ["ukl.mode=classic"] : []),
    ...(options.kernelArguments ?? []),
  ].join(" ");
}
