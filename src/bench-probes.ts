// SPDX-License-Identifier: MIT
/** What `ukl bench` measures of each variant, but for what only servers have (bench-server.ts). */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { readCosts } from "./bench/call-costs.js";
import { leastMemoryMib, mibOf, type ResidentBytes, residentBytes } from "./bench/memory.js";
import { initProgram, mainOf } from "./bench/milestones.js";
import { compilePlugin, profileArguments, readProfile } from "./bench/plugins.js";
import type { MetricName, Probe, Reading } from "./bench/readings.js";
import { type Course, type Life, type Lived, live } from "./bench-machine.js";
import type { Variant } from "./bench-variants.js";
import { UklError } from "./errors.js";
import { run } from "./host/exec.js";
import { readInput } from "./host/files.js";
import { readArchive } from "./image.js";
import type { AcceleratorChoice } from "./vm/accelerator.js";

export interface Bench {
  readonly choice: AcceleratorChoice;
  readonly course: Course;
  readonly limitMs: number;
  readonly scratch: string;
}

export type VariantProbe = Probe<Variant>;

export function lifeOf({ choice, course, limitMs }: Bench): Life {
  return { accelerator: choice.accelerator, course, limitMs };
}

export function sizeProbe({ scratch }: Bench): VariantProbe {
  const named = metricsOf({ part: "size", unit: "bytes", better: "less", isEmulatedTime: false });
  return {
    ...{ part: "size", step: "image sizes", isExact: true },
    async measure({ imagePath, bzImage, kernel }) {
      const bzImageName = named("bzImage");
      if (kernel !== undefined) {
        const initrd = (await readArchive(imagePath)).length;
        const because = "the kernel is a file of its own, and the program's files another one";
        return [
          { ...named("ELF image"), because },
          { ...named("ELF image without symbols"), because },
          { ...bzImageName, value: kernel.sizeBytes + initrd },
        ];
      }
      const stripped = join(scratch, "stripped.elf");
      await run({ tool: "objcopy", args: ["--strip-all", imagePath, stripped] });
      const size = async (path: string) => (await stat(path)).size;
      return [
        { ...named("ELF image"), value: await size(imagePath) },
        { ...named("ELF image without symbols"), value: await size(stripped) },
        bzImage === undefined
          ? { ...bzImageName, because: "there is none beside the image: ukl build --bzimage" }
          : { ...bzImageName, value: await size(bzImage) },
      ];
    },
  };
}

export function bootProbe(bench: Bench): VariantProbe {
  const named = metricsOf({ part: "boot", unit: "ms", better: "less", isEmulatedTime: isTcg(bench) });
  return {
    ...{ part: "boot", step: "boots", isExact: false },
    async measure(variant) {
      const { startMs, answerMs, endMs } = await live(variant, lifeOf(bench));
      const times = {
        "start of the program": startMs,
        "first answer": answerMs,
        "end of the program": endMs,
      };
      return Object.entries(times).flatMap(([what, value]) =>
        value === undefined ? [] : [{ ...named(`from the start of QEMU to the ${what}`), value }],
      );
    },
  };
}

/** Instructions of the whole guest, firmware included, by a plugin of TCG. */
export function bootInstructionsProbe(bench: Bench): VariantProbe {
  const named = metricsOf({ part: "boot", unit: "instructions", better: "less", isEmulatedTime: false });
  const [start, main] = [named("from reset to the start of the program"), named("from reset to main")];
  return {
    ...{ part: "boot", step: "instructions of a boot", isExact: true },
    async measure(variant) {
      const { imagePath, manifest } = variant;
      const init = initProgram(await readArchive(imagePath));
      if (init === undefined || init.controlWrites.length === 0)
        return [start, main].map((metric) => ({ ...metric, because: "its first process is another one" }));
      const mainAt = mainOf(await readInput(imagePath), imagePath, manifest.application);
      const marks = [init.controlWrites, ...(mainAt === undefined ? [] : [mainAt])];
      const plugin = await compilePlugin("boot-profile", bench.scratch);
      const output = join(bench.scratch, "profile.txt");
      const machine = { instructionCount: true, qemuArguments: profileArguments(plugin, output, marks) };
      // The plugin ends QEMU at the last mark, which looks like a reset.
      const life = { ...lifeOf(bench), course: { until: "end" }, machine } as const;
      await unlessReset(live(variant, life));
      const [startCount, mainCount] = (await readProfile(output)).marks;
      return [
        reading(start, startCount, "the first process did not come to it"),
        reading(main, mainCount, mainAt === undefined ? "its address is not fixed" : "it was not reached"),
      ];
    },
  };
}

export function leastMemoryProbe(bench: Bench): VariantProbe {
  const named = metricsOf({ part: "memory", unit: "MiB", better: "less", isEmulatedTime: false });
  const metric = named(
    bench.course.until === "answer" ? "smallest memory with an answer" : "smallest memory that boots",
  );
  return {
    ...{ part: "memory", step: "smallest memory", isExact: true },
    async measure(variant) {
      const begin = performance.now();
      const expected = await live(variant, lifeOf(bench));
      // A kernel without the memory for its first steps may hang rather than reset the machine.
      const limitMs = Math.min(bench.limitMs, 3000 + 5 * (performance.now() - begin));
      const enough = mibOf(variant.manifest.run.memory);
      const boots = (memoryMib: number) => {
        const life = { ...lifeOf(bench), limitMs, machine: { memory: `${memoryMib}M` } };
        return live(variant, life).then((lived) => isSame(lived, expected), whetherOurs);
      };
      return [{ ...metric, value: await leastMemoryMib(enough, boots) }];
    },
  };
}

export function residentProbe(bench: Bench): VariantProbe {
  const named = metricsOf({ part: "memory", unit: "bytes", better: "less", isEmulatedTime: false });
  const when = { answer: "after the first answer", end: "at most", start: "at the start" }[
    bench.course.until
  ];
  return {
    ...{ part: "memory", step: "resident memory", isExact: false },
    async measure(variant) {
      const guestMib = mibOf(variant.manifest.run.memory);
      let most: ResidentBytes | undefined;
      const whileUp = async ({ pid }: { readonly pid: number }) => {
        most = (await residentBytes(pid, guestMib)) ?? most;
      };
      await live(variant, { ...lifeOf(bench), whileUp });
      const because = "the machine was gone before it could be asked";
      return [
        reading(named(`resident of the whole QEMU, ${when}`), most?.machine, because),
        reading(named(`resident of the guest's memory, ${when}`), most?.guest, because),
      ];
    },
  };
}

/**
 * Under TCG the time stamp counter counts instructions, with KVM it tells the time. Counts differ a little from boot
 * to boot, because the kernel lays out addresses by chance.
 */
export function callsProbe(bench: Bench): VariantProbe {
  const unit = isTcg(bench) ? "instructions" : "ns";
  const named = metricsOf({ part: "calls", unit, better: "less", isEmulatedTime: false });
  const unitsPerTick = isTcg(bench) ? 1 : 1e6 / bench.choice.tscKhz;
  return {
    ...{ part: "calls", step: "system calls", isExact: false },
    async measure(variant) {
      const { console } = await live(callsVariant(variant), {
        ...{ ...lifeOf(bench), course: { until: "end" } },
        machine: { instructionCount: isTcg(bench) },
      });
      return [...readCosts(console)].map(([name, ticks]) => ({
        ...named(name),
        value: ticks * unitsPerTick,
      }));
    },
  };
}

/** The same kernel under the program that measures system calls. Throws UKL-802 where there is no such image. */
function callsVariant(variant: Variant): Variant {
  if (variant.callsImage !== undefined) return { ...variant, imagePath: variant.callsImage };
  throw new UklError("UKL-802", {
    what: "its program is not the one that measures",
    cause: "the image was built before, for what its own program calls",
    fix: "have 'ukl bench' build it",
  });
}

type MetricFacts = Omit<MetricName, "name">;

export function metricsOf(facts: MetricFacts): (name: string) => MetricName {
  return (name) => ({ ...facts, name });
}

export function isTcg({ choice }: Bench): boolean {
  return choice.accelerator === "tcg";
}

function reading(metric: MetricName, value: number | undefined, because: string): Reading {
  return value === undefined ? { ...metric, because } : { ...metric, value };
}

/** As far as before, and to the same end. */
function isSame(lived: Lived, expected: Lived): boolean {
  return (
    lived.exitStatus === expected.exitStatus &&
    (expected.answerMs === undefined) === (lived.answerMs === undefined)
  );
}

function whetherOurs(error: unknown): false {
  if (error instanceof UklError) return false;
  throw error;
}

async function unlessReset(living: Promise<unknown>): Promise<void> {
  await living.catch((error: unknown) => {
    if (!(error instanceof UklError) || error.code !== "UKL-604") throw error;
  });
}
