// SPDX-License-Identifier: MIT
// Boots an image as `ukl run` does, and asks what only QEMU knows: the exact instructions and the guest's time up to
// the first instruction of the program's main, and the least memory that boots.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { leastMemoryMib as leastMib } from "../../dist/bench/memory.js";
import { initProgram, mainOf } from "../../dist/bench/milestones.js";
import { profileArguments, readProfile } from "../../dist/bench/plugins.js";
import { parseElf } from "../../dist/elf/file.js";
import { readArchive } from "../../dist/image.js";
import { run } from "../../dist/run.js";
import { furtherStreams, qemuCommand } from "../../dist/vm/command.js";
import { streams } from "../../dist/vm/stdio.js";
import { byFunction } from "./profile.js";

/** Slower than any boot, on a busy machine too. */
const timeoutMs = 240_000;

/**
 * Where a boot comes by. What init and the program do is known by their entry and the code there:
 * `start` is the first byte that init writes to the control port, `main` is what _start hands to the C library.
 */
export async function milestones(imagePath, application) {
  const bytes = readFileSync(imagePath);
  const image = parseElf(bytes, imagePath);
  const main = mainOf(bytes, imagePath, application);
  if (main === undefined)
    throw new Error("the address of main is not known: link a program of a C library with -no-pie");
  const symbol = (name) => image.symbols.find((candidate) => candidate.name === name).value;
  const init = initProgram(await readArchive(imagePath));
  return {
    image,
    kernel: symbol("pvh_start_xen") - symbol("_text") + kernelLoadAddress(image),
    init: init.entry,
    start: init.controlWrites,
    program: BigInt(application.entry),
    main,
  };
}

function kernelLoadAddress(image) {
  const text = image.symbols.find(({ name }) => name === "_text").value;
  return image.segments.find(({ type, vaddr }) => type === 1 && vaddr === text).paddr;
}

/** Instructions before each milestone, and by function. */
export async function profileBoot(imagePath, places, plugin, scratch) {
  const output = join(scratch, "profile.txt");
  const { kernel, init, start, program, main } = places;
  const qemu = startQemu(imagePath, profileArguments(plugin, output, [kernel, init, start, program, main]));
  await once(qemu, "exit");
  const { marks, blocks } = await readProfile(output);
  if (marks.length < 5) throw new Error(`${imagePath} did not come to main under the plugin`);
  return {
    before: { kernel: marks[0], init: marks[1], start: marks[2], program: marks[3], main: marks[4] },
    functions: byFunction(blocks, places.image),
  };
}

/** Assembles tell-time.S; returns its code. */
export function assembleTimeTeller(directory) {
  const [object, code] = [join(directory, "tell-time.o"), join(directory, "tell-time.bin")];
  const source = fileURLToPath(new URL("tell-time.S", import.meta.url));
  execFileSync("as", ["--64", "-o", object, source]);
  execFileSync("objcopy", ["-O", "binary", "-j", ".text", object, code]);
  return readFileSync(code);
}

/**
 * A copy of the image that, in the place of the program's main, tells the time. QEMU tells the guest's time to the
 * guest alone, and a debugger that stops the guest changes it.
 */
export function imageThatTellsTime(imagePath, { image, main }, timeTeller, scratch) {
  const bytes = Buffer.from(readFileSync(imagePath));
  const segment = image.segments.find(
    ({ type, vaddr, filesz }) => type === 1 && vaddr <= main && main < vaddr + BigInt(filesz),
  );
  timeTeller.copy(bytes, segment.offset + Number(main - segment.vaddr));
  const copy = join(scratch, "tells-time.elf");
  writeFileSync(copy, bytes);
  return copy;
}

/** What such a copy tells: the guest's time at main in nanoseconds, waits included. */
export async function timeOfMain(copy) {
  const { console } = await runToEnd(copy, { instructionCount: true });
  return Number(Buffer.from(console, "latin1").readBigUInt64LE());
}

function startQemu(imagePath, extra) {
  const command = qemuCommand({ imagePath, accelerator: "tcg", instructionCount: true, stdio: streams });
  return spawn(command.tool, [...command.args, ...extra], {
    stdio: ["ignore", "ignore", "inherit", ...furtherStreams.map(() => "pipe")],
    timeout: timeoutMs,
  });
}

/** The least memory in MiB at which a program says what it says at 128 MiB, and ends with the same status. */
export async function leastMemoryMib(imagePath) {
  const begin = performance.now();
  const expected = await runToEnd(imagePath, { memory: "128M" });
  // A kernel without the memory for its first steps may hang rather than reset the machine.
  const patienceMs = 3000 + 5 * (performance.now() - begin);
  const same = async (memoryMib) => {
    try {
      const { exitStatus, console } = await runToEnd(imagePath, { memory: `${memoryMib}M` }, patienceMs);
      // The time that a copy tells is another one each time.
      return exitStatus === expected.exitStatus && (console.length === 8 || console === expected.console);
    } catch {
      return false; // it did not come to an end of its own
    }
  };
  return leastMib(128, same);
}

async function runToEnd(imagePath, machine, limitMs = timeoutMs) {
  let console = "";
  const onOutput = (chunk) => {
    console += Buffer.from(chunk).toString("latin1");
  };
  const request = { imagePath, accelerator: "tcg", env: {}, ...machine };
  const { exitStatus } = await run(request, { timeoutMs: limitMs, onOutput });
  return { exitStatus, console };
}
