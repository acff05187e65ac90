// SPDX-License-Identifier: MIT
/** From a directory or file to the one way in which it is started. */
import { extname } from "node:path";
import { UklError } from "../errors.js";
import { projectFiles } from "../host/project-files.js";
import { kinds } from "./kinds.js";
import type { Kind, Plan, Project, Rank, Start } from "./plan.js";

const ranks: readonly Rank[] = ["written", "usual", "last"];

/** Whether a file that does not say by itself what executes it is of a kind. */
export function isProjectFile(path: string): boolean {
  return kinds.some(({ extensions }) => extensions.includes(extname(path)));
}

/**
 * The plan of what is at `place`; `as` names the kind where several fit. Throws UKL-101 for an unknown kind, UKL-240
 * where none fits, UKL-241 where several ways do, and UKL-242.
 */
export async function planProject(place: string, as?: string): Promise<Plan> {
  const project: Project = projectFiles(place);
  const starts = await startsOf(project, chosenKinds(project, as));
  const best = ranks
    .map((rank) => starts.filter((start) => start.rank === rank))
    .find(({ length }) => length > 0);
  const [only, ...others] = best ?? [];
  if (only === undefined) throw notRecognised(project);
  if (others.length > 0) throw ambiguous(project, [only, ...others]);
  return only.plan();
}

interface KindStart extends Start {
  readonly kind: Kind;
}

async function startsOf(project: Project, chosen: readonly Kind[]): Promise<readonly KindStart[]> {
  const found = await Promise.all(
    chosen.map(async (kind) => (await kind.recognise(project)).map((start) => ({ ...start, kind }))),
  );
  return found.flat();
}

function chosenKinds({ file }: Project, as: string | undefined): readonly Kind[] {
  if (as !== undefined) {
    const named = kinds.filter(({ name }) => name === as);
    if (named.length > 0) return named;
    const names = kinds.map(({ name }) => name).join(", ");
    throw new UklError("UKL-101", {
      what: `'${as}' is no kind of project`,
      cause: `there are ${names}`,
      fix: "name one of them behind --as, or leave it out",
    });
  }
  return file === undefined ? kinds : kinds.filter(({ extensions }) => extensions.includes(extname(file)));
}

const mostShown = 8;

function notRecognised({ place, file, names }: Project): UklError {
  const all = names();
  const shown = all.slice(0, mostShown).join(", ");
  const contents =
    all.length === 0 ? "there is nothing in it" : `in it are ${shown}${all.length > mostShown ? ", …" : ""}`;
  return new UklError("UKL-240", {
    what: `${place} is no project that is known`,
    cause: file === undefined ? contents : `nothing is known of files whose names end in '${extname(file)}'`,
    fix: "name the file that is to be started, or write ukl.config.ts",
  });
}

function ambiguous({ place }: Project, starts: readonly KindStart[]): UklError {
  const several = new Set(starts.map(({ kind }) => kind.name)).size > 1;
  return new UklError("UKL-241", {
    what: `${place} can be started in ${starts.length} ways`,
    cause: starts.map(({ kind, because }) => `${kind.name}: ${because}`).join("; "),
    fix: several
      ? "choose a kind with --as KIND, or name the file that is to be started"
      : "name the file that is to be started",
  });
}
