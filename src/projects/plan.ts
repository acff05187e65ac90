// SPDX-License-Identifier: MIT
/**
 * What is to be started of a project, as a value: everything that an image of it needs to know, with a reason for each.
 * What is behind it does not know which kind of project it came from.
 */

/** Where a runtime is from, and which one it is. */
export interface Runtime {
  /** As people call it: "Node", "Python". */
  readonly title: string;
  /** Without links and shims. */
  readonly path: string;
  /** As it says of itself; undefined where it says nothing. */
  readonly version?: string;
  /** "Debian package nodejs", "pyenv", "the project's virtual environment". */
  readonly origin: string;
}

/** Files that come into the image for one reason. */
export interface FileGroup {
  /** "the project", "node_modules", "standard library". */
  readonly title: string;
  /** How they were found. */
  readonly because: string;
  /** Files, and directories with all that they hold; each is at its own path in the guest. */
  readonly paths: readonly string[];
}

/** A command of this machine that makes the program. */
export interface BuildStep {
  readonly tool: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Plan {
  /** Of the table in kinds.ts. */
  readonly kind: string;
  /** The directory or file that was named, as an absolute path. */
  readonly place: string;
  /** What the image is called. */
  readonly name: string;
  /** What was seen, and what follows from it; one clause each. */
  readonly because: readonly string[];
  readonly runtime?: Runtime;
  /** Executed in this order before the image is built. */
  readonly steps: readonly BuildStep[];
  /** What is executed in the guest: a runtime, or what the steps make. */
  readonly program: string;
  /** Behind the program, in front of what the user adds. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  readonly files: readonly FileGroup[];
  /** On which it seems to listen; TCP. */
  readonly ports: readonly number[];
  /** What of the project was seen and has no effect; one clause each. */
  readonly notUnderstood: readonly string[];
}

/**
 * How sure a way to start a project is: somebody wrote it down, files have the names that are usual, or nothing else is
 * there. Only the surest ways of a project count.
 */
export type Rank = "written" | "usual" | "last";

/** One way to start a project. */
export interface Start {
  readonly rank: Rank;
  /** "the start script of package.json: node server.js" */
  readonly because: string;
  /** Throws UKL-242 where what it needs is not there. */
  plan(): Promise<Plan>;
}

/** A kind of project. */
export interface Kind {
  /** As `--as` takes it. */
  readonly name: string;
  /** As people call it. */
  readonly title: string;
  /** By which it is recognised, for people. */
  readonly looksFor: string;
  /** Of single files that do not say by themselves what executes them. */
  readonly extensions: readonly string[];
  /** The ways to start this project; none where it is of another kind. Reads, and executes nothing. */
  recognise(project: Project): readonly Start[] | Promise<readonly Start[]>;
}

/** What a kind sees of a project. */
export interface Project {
  /** An absolute path: of the directory, or of the single file that was named. */
  readonly place: string;
  /** The directory, or that of the file. */
  readonly directory: string;
  /** Of the single file, within the directory. */
  readonly file?: string;
  /** What is in a directory of it; empty where there is none. Sorted. */
  names(path?: string): readonly string[];
  has(path: string): boolean;
  isDirectory(path: string): boolean;
  /** Undefined for what is absent, larger than a person writes, or not UTF-8. */
  text(path: string): string | undefined;
}
