// SPDX-License-Identifier: MIT
/** What a container's entrypoint names, looked up as runc does, and whether its user may execute it. */
import { dirname, resolve } from "node:path/posix";
import { UklError } from "../errors.js";
import { type FileNode, type FileView, resolveIn } from "../host/file-view.js";
import type { TargetUser } from "./user.js";

export interface Entrypoint {
  readonly command: string;
  /** Of the image, for messages. */
  readonly image: string;
  readonly workingDirectory: string;
  /** As PATH has it. */
  readonly searchPath: string;
  readonly user: TargetUser;
}

/** The path by which it is executed. Throws UKL-236 and UKL-237. */
export function findEntrypoint(view: FileView, entrypoint: Entrypoint): string {
  const { command, workingDirectory, searchPath, user } = entrypoint;
  if (command.includes("/")) {
    const path = resolve(workingDirectory, command);
    const obstacle = obstacleAt(view, path, user);
    if (obstacle === undefined) return path;
    throw obstacle === notThere ? missing(entrypoint, obstacle) : notExecutable(entrypoint, obstacle);
  }
  const paths = searchPath.split(":").map((directory) => resolve(workingDirectory, directory, command));
  const found = command === "" ? undefined : paths.find((path) => obstacleAt(view, path, user) === undefined);
  if (found !== undefined) return found;
  throw missing(entrypoint, `no program of that name is in its PATH, ${searchPath}`);
}

const notThere = "there is no such file";

/** Why a user cannot execute what a path leads to. */
function obstacleAt(view: FileView, path: string, user: TargetUser): string | undefined {
  const found = resolveIn(view, path);
  if (found === undefined) return notThere;
  if (found.node.kind === "directory") return "it is a directory";
  if (found.node.kind !== "file") return "it is no file";
  const closed = above(found.path).find((directory) => !mayExecute(view.node(directory), user));
  if (closed !== undefined) return `user ${user.uid} may not search ${closed}`;
  if (mayExecute(found.node, user)) return undefined;
  return `user ${user.uid} may not execute it: its mode is ${found.node.permissions.toString(8).padStart(4, "0")}`;
}

function above(path: string): readonly string[] {
  const directory = dirname(path);
  return directory === "/" ? ["/"] : [...above(directory), directory];
}

/** As the kernel decides it (path_resolution(7)); root may search every directory. */
function mayExecute(node: FileNode | undefined, { uid, gid, groups }: TargetUser): boolean {
  if (node === undefined) return false;
  const { kind, permissions, owner } = node;
  if (uid === 0) return kind === "directory" || (permissions & 0o111) !== 0;
  if (owner.uid === uid) return (permissions & 0o100) !== 0;
  if (owner.gid === gid || groups.includes(owner.gid)) return (permissions & 0o010) !== 0;
  return (permissions & 0o001) !== 0;
}

function missing({ command, image }: Entrypoint, cause: string): UklError {
  return new UklError("UKL-236", {
    what: `the entrypoint '${command}' of ${image} is not there`,
    cause,
    fix: "make the image with a program that it has, or with its directory in PATH",
  });
}

function notExecutable({ command, image }: Entrypoint, cause: string): UklError {
  return new UklError("UKL-237", {
    what: `the entrypoint '${command}' of ${image} cannot be executed`,
    cause,
    fix: "make the image with a program that its user may execute",
  });
}
