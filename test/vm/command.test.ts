// SPDX-License-Identifier: MIT
import { describe, expect, it } from "vitest";
import { type MachineOptions, qemuCommand } from "../../src/vm/command.js";

/** The operand of an option, and undefined without the option. */
function operandOf(option: string, extra: Partial<MachineOptions> = {}): string | undefined {
  const { args } = qemuCommand({
    imagePath: "/a b/app.elf",
    accelerator: "tcg",
    tscKhz: 2_445_430,
    ...extra,
  });
  expect(args.filter((arg) => arg === option).length).toBeLessThan(2);
  const at = args.indexOf(option);
  return at < 0 ? undefined : args[at + 1];
}

describe("qemuCommand", () => {
  it("boots the image on a microvm without ACPI, without a display, and ends on a reset", () => {
    const { tool, args } = qemuCommand({ imagePath: "app.elf", accelerator: "tcg" });
    expect(tool).toBe("qemu-system-x86_64");
    expect(args).toEqual(expect.arrayContaining(["-nodefaults", "-no-user-config", "-no-reboot"]));
    expect(operandOf("-M")).toMatch(/^microvm,acpi=off,/);
    expect(operandOf("-display")).toBe("none");
    expect(operandOf("-kernel")).toBe("/a b/app.elf");
  });

  it("has 128 MiB and one processor unless told otherwise", () => {
    expect([operandOf("-m"), operandOf("-smp")]).toEqual(["128M", "1"]);
    expect([operandOf("-m", { memory: "1G" }), operandOf("-smp", { cpus: 2 })]).toEqual(["1G", "2"]);
  });

  it("gives the guest all that the accelerator does well, and the host's processor with KVM", () => {
    expect([operandOf("-accel"), operandOf("-cpu")]).toEqual(["tcg", "max,-erms,-fsrm"]);
    const kvm = { accelerator: "kvm" } as const;
    expect([operandOf("-accel", kvm), operandOf("-cpu", kvm)]).toEqual(["kvm", "host"]);
  });

  it("tells the kernel the rate of the TSC, and under TCG that of the local APIC's timer", () => {
    expect(operandOf("-append", { accelerator: "kvm" })).toBe("tsc_early_khz=2445430 tsc=reliable");
    expect(operandOf("-append")).toBe("tsc_early_khz=2445430 tsc=reliable lapic_timer_khz=1000000");
  });

  it("appends the boot mode, then the user's kernel arguments", () => {
    expect(operandOf("-append", { bootMode: "unikernel" })).toBe(
      "tsc_early_khz=2445430 tsc=reliable lapic_timer_khz=1000000",
    );
    expect(operandOf("-append", { bootMode: "classic", kernelArguments: ["debug", "loglevel=7"] })).toBe(
      "tsc_early_khz=2445430 tsc=reliable lapic_timer_khz=1000000 ukl.mode=classic debug loglevel=7",
    );
  });

  it("hands over an initrd when there is one", () => {
    expect(operandOf("-initrd")).toBeUndefined();
    expect(operandOf("-initrd", { initrdPath: "/tmp/args.cpio" })).toBe("/tmp/args.cpio");
  });

  it("counts instructions with a TSC of 1 GHz, whatever the host's", () => {
    expect(operandOf("-icount")).toBeUndefined();
    expect(operandOf("-icount", { instructionCount: true })).toBe("shift=0,sleep=off");
    expect(operandOf("-append", { instructionCount: true })).toBe(
      "tsc_early_khz=1000000 tsc=reliable lapic_timer_khz=1000000",
    );
  });

  it("refuses to count instructions with KVM", () => {
    expect(() => operandOf("-icount", { instructionCount: true, accelerator: "kvm" })).toThrow(
      expect.objectContaining({ code: "UKL-101" }),
    );
  });

  it("keeps console, control channel and signal line on separate streams", () => {
    expect(operandOf("-serial")).toBe("chardev:console");
    const { args } = qemuCommand({ imagePath: "app.elf", accelerator: "tcg" });
    expect(args.filter((_, i) => args[i - 1] === "-device")).toEqual(
      expect.arrayContaining([
        "isa-debugcon,iobase=0xe9,chardev=control",
        "virtio-serial-device,max_ports=4",
        "virtconsole,chardev=words,nr=0",
        "virtserialport,chardev=stdin,nr=1,name=stdin",
        "virtserialport,chardev=stdout,nr=2,name=stdout",
        "virtserialport,chardev=stderr,nr=3,name=stderr",
      ]),
    );
    expect(args.filter((_, i) => args[i - 1] === "-chardev")).toEqual([
      "stdio,signal=off,id=console",
      "socket,fd=3,id=control",
      "socket,fd=4,id=words",
      "socket,fd=5,id=stdin",
      "socket,fd=6,id=stdout",
      "socket,fd=7,id=stderr",
    ]);
  });

  it("ends the lines elsewhere when told to", () => {
    const streams = { stdin: "null", stdout: "file,path=c", stderr: "file,path=d" };
    const lines = { console: "null", control: "file,path=a", words: "pipe,path=b", ...streams };
    const { args } = qemuCommand({ imagePath: "app.elf", accelerator: "tcg", lines });
    expect(args.filter((_, i) => args[i - 1] === "-chardev")).toEqual([
      "null,id=console",
      "file,path=a,id=control",
      "pipe,path=b,id=words",
      "null,id=stdin",
      "file,path=c,id=stdout",
      "file,path=d,id=stderr",
    ]);
  });

  it("gives the guest a power switch, as the image's init uses it", () => {
    const { args } = qemuCommand({ imagePath: "app.elf", accelerator: "tcg" });
    expect(args.filter((_, i) => args[i - 1] === "-device")).toContain("isa-debug-exit,iobase=0xf4,iosize=1");
  });
});
