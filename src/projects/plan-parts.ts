// SPDX-License-Identifier: MIT
/** What the plans and refusals of most kinds have in common. */
import { basename, extname, relative } from "node:path";
import { UklError } from "../errors.js";
import type { Plan, Project, Start } from "./plan.js";

type Parts = Pick<Plan, "kind" | "because" | "program" | "args" | "files"> & Partial<Plan>;

export function planOf(project: Project, parts: Parts): Plan {
  return {
    place: project.place,
    name: nameOf(project),
    steps: [],
    environment: {},
    workingDirectory: project.directory,
    ports: [],
    notUnderstood: [],
    ...parts,
  };
}

/** Of the directory, or of the single file without its extension. */
export function nameOf({ place, file }: Project): string {
  return file === undefined ? basename(place) : basename(file, extname(file));
}

/** `cause` is a clause, `fix` what the user does. */
export function cannotStart({ place }: Project, cause: string, fix: string): UklError {
  return new UklError("UKL-242", { what: `${place} cannot be started`, cause, fix });
}

/** A way to start it that somebody meant, and that something keeps from working: told only if it is the chosen one. */
export function refusedStart(rank: Start["rank"], because: string, error: UklError): Start {
  return { rank, because, plan: () => Promise.reject(error) };
}

/** Of an absolute path, in the project or elsewhere on this machine. */
export function isThere(project: Project, path: string): boolean {
  return project.has(relative(project.directory, path));
}

/** Those of a text that can be ports, each once. */
export function portsOf(found: readonly (string | undefined)[]): readonly number[] {
  return [...new Set(found.map(Number).filter((port) => port > 0 && port < 65536))];
}
