// SPDX-License-Identifier: MIT
/**
 * The configuration as its author writes it.
 *
 * This file imports nothing: it is what `import … from "uklkit"` costs at run time, and it is the declaration
 * a `ukl.config.ts` is type-checked against. That the type and the schema (schema.ts) agree is checked there.
 */

type MaskPolicy = "enosys" | "eperm" | "log" | "kill" | "success";

/**
 * One of `inputs`, `program`, `package` and `image`, unless the command line names the target. Relative host paths start at the
 * configuration file's directory.
 */
export interface Configuration {
  /** For editors, in a JSON file: the place of the JSON Schema. */
  readonly $schema?: string;
  /** Names the image and its files. Letters, digits, `.`, `_`, `+` and `-`; at most 128 of them. */
  readonly name?: string;
  /** Sources, objects and archives (.c .cc .cpp .cxx .S .s .o .a) that make up the application. */
  readonly inputs?: readonly string[];
  /** An executable or script to use as it is; a dynamic one comes with its libraries and files. */
  readonly program?: string;
  /** A Debian package, with a slash and a name behind it where it has several programs: `postgresql-15/postgres`. */
  readonly package?: string;
  /** A container image: `oci:DIRECTORY`, `oci:DIRECTORY:TAG`, `oci-archive:FILE`, `docker-archive:FILE`, or the path of either. */
  readonly image?: string;
  /** Fetch a package that is not installed, without installing it. Default: false. */
  readonly pull?: boolean;
  /** What archives may unpack to, a whole number of MiB or GiB. Default: `2G`. */
  readonly unpackLimit?: string;
  /** Compiles and links the inputs. Default: `g++` where there is C++ among them, else `gcc`. */
  readonly compiler?: string;
  /** Libraries to link, as names for `-l`. */
  readonly libraries?: readonly string[];
  /** Directories to look for libraries in, as for `-L`. */
  readonly libraryPaths?: readonly string[];
  /** Passed to the compiler as they are. */
  readonly compileFlags?: readonly string[];
  /** Passed to the compiler driver when it links, as they are. */
  readonly linkFlags?: readonly string[];
  /** Default arguments of the application, without argv[0]. */
  readonly args?: readonly string[];
  /** Where the application starts: an absolute guest path. Default: `/`, or a container's own. */
  readonly workingDirectory?: string;
  /** As whom the application runs, `USER` or `USER:GROUP`, by name or number. Default: root, or a container's own. */
  readonly user?: string;
  /** Environment of the application. */
  readonly env?: Readonly<Record<string, string>>;
  /** `unikernel` runs the application in ring 0, `classic` in ring 3. Default: `unikernel`. */
  readonly mode?: "unikernel" | "classic";
  /** Whether system call instructions become calls of the kernel, in unikernel mode. Default true. */
  readonly bind?: boolean;
  /** Whether bound reads, writes and waits take the kernel's shortcuts (docs/calls.md). Default false. */
  readonly shortcuts?: boolean;
  /** Which system calls the image answers without the kernel. Default: those that the application cannot make. */
  readonly mask?: {
    /**
     * For calls without use: an error number, `success`, `log` (ENOSYS, and a line about the first try) or `kill`
     * (SIGSYS). `none` masks no more than `calls`. Default: `enosys`, or `none` where not all calls are known.
     */
    readonly default?: MaskPolicy | "none";
    /** For single calls, by name. */
    readonly calls?: Readonly<Record<string, MaskPolicy | "allow">>;
    /** A trace or a list of the calls that the application makes, instead of what its inspection finds. */
    readonly from?: string;
  };
  readonly kernel?: {
    /**
     * `special` has what the application uses, `generic` what programs of all kinds use. Default: `special`, but
     * `ukl run` of a program boots the generic one while no special one was built.
     */
    readonly base?: "special" | "generic";
    /** A Linux source directory or tarball. Default: the host's linux-source package. */
    readonly source?: string;
    /** Kconfig options on top of the ones ukl chooses. */
    readonly options?: Readonly<Record<`CONFIG_${string}`, string | number>>;
    /** Kernel symbols the application may call or read. */
    readonly symbols?: readonly string[];
  };
  readonly files?: {
    /** Files and directories to put into the image: absolute path in the guest → path on the host. */
    readonly include?: Readonly<Record<string, string>>;
  };
  readonly ring0?: {
    /** Absolute guest paths of programs that also run in ring 0 when they are executed. */
    readonly programs?: readonly string[];
  };
  /** Defaults for `ukl run`. */
  readonly run?: {
    /** Memory of the guest, a whole number of MiB or GiB: `128M`, `1G`. */
    readonly memory?: string;
    /** Virtual CPUs, 1 to 64. */
    readonly cpus?: number;
    /** Ports of the host that lead to the guest: `[ADDRESS:]HOST:GUEST[/udp]`, such as `8080:80`. */
    readonly ports?: readonly string[];
    /**
     * How the guest is connected: `passt`, `user` (QEMU's own, which stalls), `tap:NAME`, or `none`. Default: `auto`,
     * which is passt for ports and for applications that use sockets.
     */
    readonly net?: string;
    /** Kept in the image. Default: `auto`. */
    readonly accelerator?: "auto" | "kvm" | "tcg";
    /** The guest is stopped after this many seconds, unless it runs by itself. Kept in the image. */
    readonly timeoutSeconds?: number;
    /** What the machine is called. Default: the name of the guest, or of the image. */
    readonly hostname?: string;
    /**
     * Limits of the program's process, by the names of `docker run --ulimit`: `SOFT[:HARD]`, numbers or `unlimited`.
     * Default: as a service of Debian has them, and of processes as many as there is memory for.
     */
    readonly ulimits?: Readonly<Record<string, string>>;
    /** Directories of the host: absolute path in the guest → the directory. */
    readonly volumes?: Readonly<Record<string, { readonly host: string; readonly readOnly?: boolean }>>;
    /**
     * Disk images with an ext4 file system: absolute path in the guest → the file. With a size, a whole number of MiB
     * or GiB such as `64M`, it is made where it is absent.
     */
    readonly disks?: Readonly<Record<string, { readonly file: string; readonly size?: string }>>;
  };
}

/** Returns its argument: a way to have the type checked and completed while writing a `ukl.config.ts`. */
export function defineConfig(configuration: Configuration): Configuration {
  return configuration;
}
