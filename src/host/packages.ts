// SPDX-License-Identifier: MIT
/**
 * What ukl needs of its host, and which Debian package brings it: the one list behind `ukl doctor` and behind the
 * remedy of a missing tool. How apt is asked for what is missing is worked out here too, as commands.
 */
import type { Command } from "./exec.js";

export interface Requirement {
  /** A program, a C header, an absolute path, or a package: as a person would call it. */
  readonly what: string;
  readonly neededFor: string;
  readonly debianPackage: string;
  /** The tests need more than the toolkit does. */
  readonly group: "toolkit" | "tests";
  readonly kind: "program" | "header" | "file" | "package";
}

export interface Finding extends Requirement {
  /** The version, `installed` where there is none to be had, and undefined when it is missing. */
  readonly found: string | undefined;
}

function requirement(
  kind: Requirement["kind"],
  what: string,
  debianPackage: string,
  neededFor: string,
  group: Requirement["group"] = "toolkit",
): Requirement {
  return { what, neededFor, debianPackage, group, kind };
}

export const requirements: readonly Requirement[] = [
  requirement("program", "gcc", "gcc", "compiling C and the kernel, linking applications"),
  requirement("program", "g++", "g++", "compiling and linking C++"),
  requirement("header", "stdio.h", "libc6-dev", "compiling and linking applications"),
  requirement("program", "ld", "binutils", "linking the image"),
  requirement("program", "as", "binutils", "assembling system call stubs"),
  requirement("program", "objcopy", "binutils", "shaping application objects"),
  requirement("program", "ar", "binutils", "reading and writing archives"),
  requirement("program", "make", "make", "building the kernel"),
  requirement("program", "flex", "flex", "building the kernel's Kconfig"),
  requirement("program", "bison", "bison", "building the kernel's Kconfig"),
  requirement("program", "bc", "bc", "generating the kernel's time constants"),
  requirement("header", "gelf.h", "libelf-dev", "building the kernel's objtool"),
  requirement("program", "tar", "tar", "unpacking the kernel source"),
  requirement("program", "xz", "xz-utils", "unpacking the kernel source, and layers of container images"),
  requirement("program", "zstd", "zstd", "unpacking layers of container images"),
  requirement("program", "bzip2", "bzip2", "unpacking layers of container images"),
  requirement("program", "patch", "patch", "patching the kernel source"),
  requirement("file", "/usr/src/linux-source-6.12.tar.xz", "linux-source-6.12", "the kernel source"),
  requirement("program", "flock", "util-linux", "sharing the kernel cache between builds"),
  requirement("program", "setpriv", "util-linux", "ending a virtual machine together with ukl"),
  requirement("program", "qemu-system-x86_64", "qemu-system-x86", "running images"),
  requirement("program", "passt", "passt", "the network of images: ukl run -p"),
  requirement("file", "/usr/sbin/ip", "iproute2", "ukl run --net tap:NAME"),
  requirement("file", "/usr/sbin/mkfs.ext4", "e2fsprogs", "making disk images: ukl run --disk"),
  requirement("program", "strace", "strace", "the calls that programs really make: ukl inspect --trace"),
  requirement("program", "musl-gcc", "musl-tools", "fixtures linked with musl", "tests"),
  requirement("package", "busybox-static", "busybox-static", "the shell script fixture", "tests"),
  requirement("header", "lua5.4/lua.h", "liblua5.4-dev", "the Lua fixture", "tests"),
  requirement("header", "sqlite3.h", "libsqlite3-dev", "the SQLite fixture", "tests"),
  requirement("package", "ovmf", "ovmf", "UEFI that starts an image", "tests"),
  requirement("program", "cpio", "cpio", "reading archives back", "tests"),
  requirement("program", "ps", "procps", "the memory of a machine", "tests"),
  requirement("package", "sqlite3", "sqlite3", "a database in a guest", "tests"),
  requirement("program", "clang-format", "clang-format", "the check of C formatting", "tests"),
  requirement("program", "redis-server", "redis-server", "a server in a guest", "tests"),
  requirement("program", "redis-benchmark", "redis-tools", "a client of a guest", "tests"),
  requirement("program", "memcached", "memcached", "a server with threads in a guest", "tests"),
  requirement("package", "nginx", "nginx", "a server with several processes in a guest", "tests"),
  requirement("package", "haproxy", "haproxy", "a package with an account in a guest", "tests"),
  requirement("program", "curl", "curl", "a client of a guest", "tests"),
  requirement("package", "wrk", "wrk", "a client of a guest", "tests"),
  requirement("package", "openssl", "openssl", "a certificate for a server in a guest", "tests"),
  requirement("file", "/usr/bin/python3", "python3", "an interpreter in a guest", "tests"),
  requirement("package", "golang-go", "golang-go", "inspecting programs written in Go", "tests"),
  requirement("program", "clang", "clang", "programs of another compiler", "tests"),
  requirement("program", "ld.lld", "lld", "programs of another linker", "tests"),
  requirement("program", "mold", "mold", "programs of another linker", "tests"),
  requirement("program", "patchelf", "patchelf", "programs that were changed when they were linked", "tests"),
];

/** The Debian package that brings a program, by name or path, for programs ukl knows. */
export function packageOfTool(tool: string): string | undefined {
  const isProgram = ({ kind, what }: Requirement) => (kind === "program" || kind === "file") && what === tool;
  return requirements.find(isProgram)?.debianPackage;
}

/** The packages of what is missing, each once. */
export function missingPackages(findings: readonly Finding[]): string[] {
  const missing = findings.filter(({ found }) => found === undefined);
  return [...new Set(missing.map(({ debianPackage }) => debianPackage))];
}

export const updateCommand: Command = { tool: "apt-get", args: ["update"] };

export function policyCommand(packages: readonly string[]): Command {
  return { tool: "apt-cache", args: ["policy", ...packages] };
}

export function installCommand(packages: readonly string[]): Command {
  // Another apt, as of an unattended upgrade on a machine just booted, is waited for.
  const options = ["-o", "DPkg::Lock::Timeout=300", "-y", "--no-install-recommends"];
  return {
    tool: "apt-get",
    args: ["install", ...options, ...packages],
    env: { DEBIAN_FRONTEND: "noninteractive" },
  };
}

/** The same command with root's rights. sudo drops the environment, so it is set behind it. */
export function withSudo(command: Command): Command {
  const environment = Object.entries(command.env ?? {}).map(([name, value]) => `${name}=${value}`);
  const setting = environment.length === 0 ? [] : ["env", ...environment];
  return { tool: "sudo", args: ["-n", ...setting, command.tool, ...command.args] };
}

/** The line a person would type. */
export function commandByHand(packages: readonly string[]): string {
  return `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages.join(" ")}`;
}

/**
 * Those of `packages` that `apt-cache policy`, whose output is given, can offer. Its format: each package it
 * knows is a line `NAME:`, with an indented `Candidate: VERSION` below, VERSION being `(none)` for names that
 * are only mentioned by other packages.
 */
export function packagesOffered(policyOutput: string, packages: readonly string[]): string[] {
  const offered = new Set<string>();
  let name = "";
  for (const line of policyOutput.split("\n")) {
    name = /^(\S+):$/.exec(line)?.[1] ?? name;
    const candidate = /^\s+Candidate: (\S+)$/.exec(line)?.[1];
    if (candidate !== undefined && candidate !== "(none)") offered.add(name);
  }
  return packages.filter((name) => offered.has(name));
}

/** The version in the first line that has one: two or more numbers with dots between them. */
export function versionIn(output: string): string | undefined {
  return /\d+(?:\.\d+)+/.exec(output)?.[0];
}
