// SPDX-License-Identifier: MIT
/**
 * Every failure a user can meet has one permanent code, and says what went wrong, why, and what to do.
 *
 * The catalogue below is the single list of codes; docs/errors.md is generated from it. A code is never
 * reused for another meaning. Ranges: 1xx command line and configuration, 2xx input files, 3xx kernel,
 * 4xx host tools and files, 5xx link and image, 6xx running, 7xx tracing, 8xx measuring, 9xx our bugs.
 */

/** Process exit codes, after sysexits(3). `ukl run` otherwise returns the guest's own status. */
export const exitCode = {
  ok: 0,
  usage: 64,
  badInput: 65,
  unavailable: 69,
  bug: 70,
  /** What was seen goes beyond what was predicted: EX_PROTOCOL, something that was not possible. */
  unpredicted: 76,
  configuration: 78,
  /** As a shell and Docker have it of a program that cannot be executed, and of one that is not there. */
  notExecutable: 126,
  notFound: 127,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

interface CatalogueEntry {
  readonly title: string;
  readonly exit: ExitCode;
}

const entry = (title: string, exit: ExitCode): CatalogueEntry => ({ title, exit });

export const errorCatalogue = {
  "UKL-101": entry("the command line is not understood", exitCode.usage),
  "UKL-110": entry("the configuration file cannot be read", exitCode.configuration),
  "UKL-111": entry("the configuration file has a syntax or type error", exitCode.configuration),
  "UKL-112": entry("the configuration has a value that is not allowed", exitCode.configuration),
  "UKL-113": entry("the mask of system calls is not possible", exitCode.configuration),
  "UKL-114": entry("the user or group that the program is to run as is unknown", exitCode.configuration),
  "UKL-201": entry("the input file cannot be read", exitCode.badInput),
  "UKL-202": entry("the input is not an ELF file", exitCode.badInput),
  "UKL-203": entry("the ELF file is truncated", exitCode.badInput),
  "UKL-204": entry("the ELF file is 32-bit", exitCode.badInput),
  "UKL-205": entry("the ELF file is for another machine", exitCode.badInput),
  "UKL-206": entry("the ELF file has an offset or size outside the file", exitCode.badInput),
  "UKL-207": entry("the ELF file is a core dump", exitCode.badInput),
  "UKL-208": entry("the ELF file contradicts itself", exitCode.badInput),
  "UKL-209": entry("the TLS segment is malformed", exitCode.badInput),
  "UKL-210": entry("the kind of input is not supported", exitCode.badInput),
  "UKL-211": entry("the archive is malformed", exitCode.badInput),
  "UKL-220": entry("symbols are undefined", exitCode.badInput),
  "UKL-221": entry("a symbol is defined twice", exitCode.badInput),
  "UKL-222": entry("a library is missing", exitCode.badInput),
  "UKL-223": entry("a source file does not compile", exitCode.badInput),
  "UKL-224": entry("the application does not link", exitCode.badInput),
  "UKL-225": entry("a library of the program is missing", exitCode.badInput),
  "UKL-226": entry("the interpreter of a script is missing", exitCode.badInput),
  "UKL-227": entry("the first line of a script cannot be followed", exitCode.badInput),
  "UKL-228": entry("the Debian package cannot be used", exitCode.badInput),
  "UKL-230": entry("the archive or container image is malformed", exitCode.badInput),
  "UKL-231": entry("a digest of the container image is wrong", exitCode.badInput),
  "UKL-232": entry("the container image cannot be used", exitCode.badInput),
  "UKL-233": entry("an archive has members outside itself", exitCode.badInput),
  "UKL-234": entry("an archive unpacks to more than is allowed", exitCode.badInput),
  "UKL-235": entry("the root file system does not fit into the memory", exitCode.badInput),
  "UKL-236": entry("the entrypoint of the container image is not there", exitCode.notFound),
  "UKL-237": entry("the entrypoint of the container image cannot be executed", exitCode.notExecutable),
  "UKL-240": entry("no kind of project is recognised", exitCode.badInput),
  "UKL-241": entry("the project can be started in several ways", exitCode.badInput),
  "UKL-242": entry("the project cannot be started as it is", exitCode.badInput),
  "UKL-301": entry("no kernel source was found", exitCode.unavailable),
  "UKL-302": entry("the kernel source is of another version", exitCode.badInput),
  "UKL-303": entry("a kernel patch does not apply", exitCode.badInput),
  "UKL-304": entry("a kernel option did not stick", exitCode.badInput),
  "UKL-305": entry("the kernel does not build", exitCode.bug),
  "UKL-306": entry("the kernel cache cannot be written", exitCode.unavailable),
  "UKL-307": entry("a kernel cache entry is damaged", exitCode.unavailable),
  "UKL-308": entry("the kernel has no such option", exitCode.badInput),
  "UKL-401": entry("a needed tool is missing", exitCode.unavailable),
  "UKL-402": entry("there is no space left on the device", exitCode.unavailable),
  "UKL-403": entry("a file cannot be written", exitCode.unavailable),
  "UKL-404": entry("a tool failed", exitCode.bug),
  "UKL-405": entry("a tool took too long", exitCode.unavailable),
  "UKL-406": entry("the host packages cannot be installed", exitCode.unavailable),
  "UKL-407": entry("the Debian package cannot be fetched", exitCode.unavailable),
  "UKL-408": entry("a tool cannot be started", exitCode.unavailable),
  "UKL-501": entry("the image does not link", exitCode.bug),
  "UKL-502": entry("the image failed its verification", exitCode.bug),
  "UKL-503": entry("the file is not a ukl image", exitCode.badInput),
  "UKL-504": entry("the image's manifest is malformed", exitCode.badInput),
  "UKL-505": entry("the kernel symbol does not exist", exitCode.badInput),
  "UKL-601": entry("the accelerator does not work", exitCode.unavailable),
  "UKL-602": entry("the virtual machine failed", exitCode.unavailable),
  "UKL-603": entry("the guest ran longer than allowed", exitCode.unavailable),
  "UKL-604": entry("the guest stopped without an exit status", exitCode.unavailable),
  "UKL-605": entry("the image has no network card", exitCode.badInput),
  "UKL-606": entry("a port of the host is taken", exitCode.unavailable),
  "UKL-607": entry("a port of the host cannot be listened on", exitCode.unavailable),
  "UKL-608": entry("the network cannot be set up", exitCode.unavailable),
  "UKL-611": entry("there is no such guest", exitCode.badInput),
  "UKL-612": entry("the guest's name is in use", exitCode.unavailable),
  "UKL-613": entry("the guest is not running", exitCode.unavailable),
  "UKL-614": entry("the guest's machine could not be ended", exitCode.unavailable),
  "UKL-615": entry("the state of a guest is damaged", exitCode.badInput),
  "UKL-616": entry("the guest takes no signals", exitCode.unavailable),
  "UKL-617": entry("the guest is running", exitCode.unavailable),
  "UKL-618": entry("the state of a guest cannot be read", exitCode.unavailable),
  "UKL-620": entry("a volume or disk cannot be attached", exitCode.badInput),
  "UKL-621": entry("the disk has no file system that the guest can mount", exitCode.badInput),
  "UKL-622": entry("the disk is in use", exitCode.unavailable),
  "UKL-623": entry("the kernel of the image lacks what volumes or disks need", exitCode.badInput),
  "UKL-624": entry("the guest cannot mount a volume or disk", exitCode.unavailable),
  "UKL-701": entry("the program cannot be traced", exitCode.unavailable),
  "UKL-702": entry("the saved trace cannot be used", exitCode.badInput),
  "UKL-703": entry("a system call was seen that was not predicted", exitCode.unpredicted),
  "UKL-801": entry("the file cannot be booted as a kernel", exitCode.badInput),
  "UKL-802": entry("the guest does not give what is measured", exitCode.unavailable),
  "UKL-901": entry("an internal assumption does not hold", exitCode.bug),
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

/** What happened, why, and the remedy; each one sentence without a final full stop. */
export interface ErrorDetail {
  readonly what: string;
  readonly cause: string;
  readonly fix: string;
}

/** The only error class that reaches a user. `cli.ts` prints it and exits with its code. */
export class UklError extends Error {
  override readonly name = "UklError";

  constructor(
    readonly code: ErrorCode,
    readonly detail: ErrorDetail,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${detail.what}`, options);
  }

  get exit(): ExitCode {
    return errorCatalogue[this.code].exit;
  }
}

/** The three lines a user sees. */
export function formatError(error: UklError): string {
  const { what, cause, fix } = error.detail;
  return `error[${error.code}]: ${what}\n  cause: ${cause}\n  fix: ${fix}\n`;
}

/** For states that only a defect of ours can reach. */
export function bug(what: string, cause: string): UklError {
  return new UklError("UKL-901", {
    what,
    cause,
    fix: "please report this with the command line and, if you can, the input files",
  });
}

/** The text of docs/errors.md. */
export function formatErrorList(): string {
  const rows = Object.entries(errorCatalogue).map(
    ([code, { title, exit }]) => `| ${code} | ${title} | ${exit} |\n`,
  );
  return `# Errors

Every failure has a permanent code, and is printed with what happened, its cause, and what to do about it. The exit
codes are those of sysexits(3): ${exitCode.usage} usage, ${exitCode.badInput} bad input, ${exitCode.unavailable} something the host lacks, ${exitCode.bug} a bug of ours,
${exitCode.unpredicted} a system call that was not predicted, ${exitCode.configuration} configuration; and those of shells and Docker: ${exitCode.notExecutable} a program that cannot be
executed, ${exitCode.notFound} one that is not there. \`ukl run\` otherwise returns the guest's own exit status.
This file is generated from \`src/errors.ts\` by \`npm run docs\`.

| code | what | exit |
| --- | --- | --- |
${rows.join("")}`;
}
