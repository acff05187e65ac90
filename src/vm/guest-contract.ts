// SPDX-License-Identifier: MIT
/**
 * The whole contract between an image and the host that runs it. The guest's side is the init step of the
 * image; the host's side is this folder. A change here is a change of both.
 *
 * Streams: a virtio console device with four ports, which the kernel's driver makes pipes of
 * (drivers/char/guest_streams.c in kernel/patches).
 *   port 0  host → guest  The host's words to init. A byte from 1 to 64 is the number of a signal for the application:
 *                         for its main process alone, as a service manager would send it. 0x80 is followed by the
 *                         terminal's new rows and columns, two bytes each, the lower one first.
 *   port 1  host → guest  Standard input. When the host closes its end, the program reads the end of file.
 *   port 2  guest → host  Standard output.
 *   port 3  guest → host  Standard error. Where the host has closed its end of either, a write is EPIPE and SIGPIPE.
 *
 * Console: the first UART, an 8250 at I/O port 0x3f8 (ttyS0). It has the kernel's own words, and it is the program's
 *   terminal where the host asks for one. Before `exit`, the guest lets the UART send all it was given.
 *   In a machine without streams, and in one that was not told what stdio is, it is a plain byte pipe for stdin, stdout
 *   and stderr: nothing is sent to it before `start`; its line discipline is canonical with VEOF (0x04) alone. At the
 *   end of its stdin the host sends 0x04; behind an unfinished line twice, because the first one only delivers the
 *   line. Two limits follow from termios(3): a byte 0x04 in the data ends the input, and a line is at most 4095 bytes
 *   long.
 *
 * Control channel: guest → host, I/O port 0xe9, one byte a write, lines of ASCII that end in LF.
 *   `streams`    Before `start`: the guest has the streams, and listens to the host's words.
 *   `start`      The application is about to be executed.
 *   `exit N`     It has ended with status N, 0 to 255; 128 + n when signal n ended it. The end follows.
 *   `masked CALL SITE PROGRAM`   Said by the kernel's half: a masked call that is to be logged was tried.
 *   `killed CALL SITE PROGRAM`   The same of one that ends the program. SITE is the address of the instruction.
 *   `tried CALL N`  Before `exit`: a masked call was tried N times; the line of /ukl/masked.
 *   `error WHAT N`  The application cannot be run: WHAT failed with errno N. The end follows. WHAT is a system call, a
 *                   file, or `mount/I`: entry I of /ukl/mounts, from 0.
 *   `tsc_khz N`  Said by the probe guest alone (syscall-stubs/x86_64/probe.S): the measured rate of the TSC.
 *   Other lines are ignored.
 *
 * End: the guest writes a byte to I/O port 0xf4, which ends QEMU at once, or resets the machine. An end without `exit` before it is
 * a crash; so is a kernel panic, which resets too (panic=-1 in the built-in command line).
 *
 * Kernel command line: the built-in one, followed by what the host appends:
 *   tsc_early_khz=N   The rate of the TSC. Without it the kernel measures the TSC against the emulated
 *                     timer (arch/x86/kernel/tsc.c), which fails in one boot of five under TCG.
 *   tsc=reliable      The kernel does not watch the TSC against that timer, of whose ticks a busy host loses some: it
 *                     would go over to a clock of 4 ms then, and to timers as coarse.
 *   wallclock_ms=N    The time of day when the TSC was 0, in milliseconds since 1970: the RTC has whole seconds (kernel/patches).
 *   lapic_timer_khz=N The rate of the local APIC's timer, which the kernel would measure for 100 ms (kernel/patches).
 *   ukl_stdio=…       What stdin, stdout and stderr are (src/vm/stdio.ts). The kernel, which does not know the word, has
 *                     it in init's environment.
 *   ukl.mode=classic  A unikernel image runs its application in ring 3.
 *
 * An initrd, where there is one, is unpacked over the files of the image. With a network it has /ukl/network: for IPv4
 * and then for IPv6 the address and the gateway, 16 bytes each, of which IPv4 uses the first four, and a byte with the
 * length of the prefix, 0 without the family; then the card's link-local address, 16 bytes, zeros to leave it to the
 * kernel. The card is eth0, and up with these addresses before `start`. Without the file, and without a card, the
 * loopback interface is up.
 *
 * Disks and directories of the host are virtio devices; /ukl/mounts in the initrd says what init mounts where
 * (syscall-stubs/x86_64/init/mounts.c). Before `exit` they are unmounted again.
 */

/** I/O port of the control channel; QEMU's isa-debugcon calls it `iobase`. */
export const controlPort = 0xe9;

/** I/O port of the power switch; QEMU's isa-debug-exit calls it `iobase`. */
export const powerPort = 0xf4;

/** VEOF, the only byte with a meaning of its own on the way to a console that is a pipe. */
const endOfFile = 0x04;

/** A longer line is none of ours; it is dropped rather than kept, since the guest may write without end. */
const maxLineBytes = 96;

export type ControlMessage =
  | { readonly kind: "start" | "streams" }
  | { readonly kind: "exit"; readonly status: number }
  | {
      readonly kind: "masked" | "killed";
      readonly call: string;
      readonly site: string;
      readonly program: string;
    }
  | { readonly kind: "error"; readonly what: string; readonly errno: number }
  | { readonly kind: "tried"; readonly call: string; readonly count: number }
  | { readonly kind: "tscKhz"; readonly tscKhz: number };

/** Takes the bytes of the control channel as they come, in pieces of any size, and returns whole messages. */
export class ControlReader {
  #line = "";

  read(chunk: Uint8Array): ControlMessage[] {
    const messages: ControlMessage[] = [];
    for (const byte of chunk) {
      if (byte !== 0x0a) {
        if (this.#line.length <= maxLineBytes) this.#line += String.fromCharCode(byte);
        continue;
      }
      const message = parseControlLine(this.#line);
      if (message !== undefined) messages.push(message);
      this.#line = "";
    }
    return messages;
  }
}

function parseControlLine(line: string): ControlMessage | undefined {
  if (line === "start" || line === "streams") return { kind: line };
  const attempt = /^(masked|killed) (\w+) (0x[\da-f]{1,16}) ([\x20-\x7e]*)$/.exec(line);
  if (attempt !== null) {
    const [, kind, call = "", site = "", program = ""] = attempt;
    return { kind: kind as "masked" | "killed", call, site, program };
  }
  const error = /^error ([\w/]+) ([1-9]\d{0,3})$/.exec(line);
  if (error !== null) return { kind: "error", what: error[1] ?? "", errno: Number(error[2]) };
  const tried = /^tried (\w+) +(\d{1,10})$/.exec(line);
  if (tried !== null) return { kind: "tried", call: tried[1] ?? "", count: Number(tried[2]) };
  const [, word, digits] = /^(exit|tsc_khz) (0|[1-9]\d{0,8})$/.exec(line) ?? [];
  if (digits === undefined) return undefined;
  const value = Number(digits);
  if (word === "tsc_khz") return { kind: "tscKhz", tscKhz: value };
  return value <= 255 ? { kind: "exit", status: value } : undefined;
}

/** The bytes that end a stdin that is the console, given the last byte sent to it, if any. */
export function endOfInput(lastByte: number | undefined): Uint8Array {
  const unfinished = lastByte !== undefined && lastByte !== 0x0a && lastByte !== endOfFile;
  return Uint8Array.from(unfinished ? [endOfFile, endOfFile] : [endOfFile]);
}
