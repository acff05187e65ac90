// SPDX-License-Identifier: MIT
/** Examines the host for what ukl needs (packages.ts), and has apt install what is missing. */
import { access } from "node:fs/promises";
import { UklError } from "../errors.js";
import { attempt, type Command, formatCommand, lastLines, type Outcome, type RunOptions } from "./exec.js";
import {
  commandByHand,
  type Finding,
  installCommand,
  missingPackages,
  packagesOffered,
  policyCommand,
  type Requirement,
  requirements,
  updateCommand,
  versionIn,
  withSudo,
} from "./packages.js";

export type { Finding } from "./packages.js";

/** The host as the doctor meets it; tests put another one in its place. */
export interface Host {
  readonly userId: number;
  attempt(command: Command, options?: RunOptions): Promise<Outcome>;
  fileExists(path: string): Promise<boolean>;
}

export interface FixOptions {
  /** Called with each line apt prints. */
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal;
}

const thisHost: Host = {
  userId: process.getuid?.() ?? -1,
  attempt,
  fileExists: (path) =>
    access(path).then(
      () => true,
      () => false,
    ),
};

const probeTimeoutMs = 10_000;
const installTimeoutMs = 30 * 60_000;

/** Everything ukl needs of its host, found or not, in the order of the requirements. */
export async function examineHost(host: Host = thisHost): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const requirement of requirements) {
    findings.push({ ...requirement, found: await find(host, requirement) });
  }
  return findings;
}

/** Installs what `findings` miss; does nothing when they miss nothing. Throws UKL-406 when that cannot be done. */
export async function fixHost(
  findings: readonly Finding[],
  options: FixOptions = {},
  host: Host = thisHost,
): Promise<void> {
  const packages = missingPackages(findings);
  if (packages.length === 0) return;
  const privileged = await privilegedForm(host, packages);
  const runOptions = { timeoutMs: installTimeoutMs, ...options };
  // Not fatal: one unreachable source out of several fails an update, and the packages may be in the others.
  const update = await attemptApt(host, privileged(updateCommand), runOptions, packages);
  const policy = await attemptApt(host, policyCommand(packages), { timeoutMs: probeTimeoutMs }, packages);
  const offered = packagesOffered(policy.stdout, packages);
  if (offered.length > 0) {
    const install = privileged(installCommand(offered));
    const outcome = await attemptApt(host, install, runOptions, packages);
    if (outcome.exitStatus !== 0) throw installFailed(install, outcome, packages);
  }
  const absent = packages.filter((name) => !offered.includes(name));
  if (absent.length > 0) throw notOffered(absent, update);
}

async function find(host: Host, { kind, what, debianPackage }: Requirement): Promise<string | undefined> {
  switch (kind) {
    case "program": {
      const outcome = await probe(host, { tool: what, args: ["--version"] });
      return outcome?.exitStatus === 0 ? (versionIn(outcome.stdout) ?? "installed") : undefined;
    }
    case "header": {
      const input = `#include <${what}>\n`;
      const outcome = await probe(host, { tool: "gcc", args: ["-E", "-x", "c", "-"] }, input);
      return outcome?.exitStatus === 0 ? await packageVersion(host, debianPackage, "installed") : undefined;
    }
    case "file":
      return (await host.fileExists(what)) ? packageVersion(host, debianPackage, "installed") : undefined;
    case "package":
      return packageVersion(host, debianPackage, undefined);
  }
}

/** The outcome of a harmless command, and undefined when there is no such program. */
async function probe(host: Host, command: Command, input?: string): Promise<Outcome | undefined> {
  try {
    return await host.attempt(command, {
      timeoutMs: probeTimeoutMs,
      ...(input === undefined ? {} : { input }),
    });
  } catch (error) {
    if (error instanceof UklError && error.code === "UKL-401") return undefined;
    throw error;
  }
}

/** The version dpkg has of a package, or `otherwise`: the file may have come another way. */
async function packageVersion<T>(host: Host, name: string, otherwise: T): Promise<string | T> {
  // A package removed but not purged still has an entry, with another status.
  const format = `\${db:Status-Status} \${Version}`;
  const outcome = await probe(host, { tool: "dpkg-query", args: ["-W", "-f", format, name] });
  if (outcome?.exitStatus !== 0) return otherwise;
  return /^installed (\S+)/.exec(outcome.stdout)?.[1] ?? otherwise;
}

/** How this user runs a command as root. */
async function privilegedForm(
  host: Host,
  packages: readonly string[],
): Promise<(command: Command) => Command> {
  if (host.userId === 0) return (command) => command;
  const sudo = await probe(host, { tool: "sudo", args: ["-n", "true"] });
  if (sudo?.exitStatus === 0) return withSudo;
  throw cannotInstall(
    `${packages.join(", ")} cannot be installed without root's rights`,
    sudo === undefined ? "this user is not root and there is no sudo" : "sudo asks for a password",
    `run as root: ${commandByHand(packages)}`,
  );
}

async function attemptApt(
  host: Host,
  command: Command,
  options: RunOptions,
  packages: readonly string[],
): Promise<Outcome> {
  try {
    return await host.attempt(command, options);
  } catch (error) {
    if (!(error instanceof UklError)) throw error;
    const fix =
      error.code === "UKL-401"
        ? `install what these Debian packages hold by this system's own means: ${packages.join(" ")}`
        : `run by hand: ${commandByHand(packages)}`;
    throw cannotInstall(`${packages.join(", ")} cannot be installed`, error.detail.what, fix, error);
  }
}

function installFailed(command: Command, outcome: Outcome, packages: readonly string[]): UklError {
  return cannotInstall(
    `${packages.join(", ")} cannot be installed`,
    `${formatCommand(command)} failed: ${lastLines(outcome.stderr || outcome.stdout, 3)}`,
    `run by hand: ${commandByHand(packages)}`,
  );
}

function notOffered(packages: readonly string[], update: Outcome): UklError {
  const outdated =
    update.exitStatus === 0 ? "" : `, and 'apt-get update' failed: ${lastLines(update.stderr, 3)}`;
  const kernel = packages.some((name) => name.startsWith("linux-source-"))
    ? " (Debian 12 has the kernel source in bookworm-security and bookworm-backports); or name another kernel source with --kernel-source or UKL_KERNEL_SOURCE"
    : "";
  return cannotInstall(
    `${packages.join(", ")} cannot be installed`,
    `none of this host's package sources offers it${outdated}`,
    `add a package source that does, then run: ${commandByHand(packages)}${kernel}`,
  );
}

function cannotInstall(what: string, cause: string, fix: string, error?: unknown): UklError {
  return new UklError("UKL-406", { what, cause, fix }, { cause: error });
}
