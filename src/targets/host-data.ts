// SPDX-License-Identifier: MIT
/**
 * What comes with a program of this machine: the data of the Debian packages that it is from. To ask dpkg takes longer
 * than all else about a program that was built before, so its answers are kept until packages change.
 */
import { z } from "zod";
import { codeDigest, entryCache, fileState } from "../host/entry-cache.js";
import { hostView, resolveIn } from "../host/file-view.js";
import { sha256 } from "../host/files.js";
import { cacheDirectory } from "../host/places.js";
import { parseJson } from "../json.js";
import { installedPackages, ownersOf, pathsOf } from "./debian.js";
import { dataPaths, relatives } from "./package-files.js";

const database = "/var/lib/dpkg/status";
const mostEntries = 64;
const entrySchema = z.array(z.string());

/** Of the packages that own these files, or links that lead to them. Empty on a machine without dpkg. */
export async function hostData(programs: readonly string[]): Promise<readonly string[]> {
  const paths = [...new Set(programs.flatMap(wayTo))].filter(
    (path) => !/^\/(?:home|root|tmp|usr\/local)\//.test(path),
  );
  const state = await fileState(database);
  if (state === undefined || paths.length === 0) return [];
  const cache = entryCache(`${cacheDirectory()}/packages`, mostEntries);
  const key = `${sha256(JSON.stringify([await codeDigest(), paths, state]))}.json`;
  const known = entrySchema.safeParse(parseJson((await cache.read(key)) ?? "")).data;
  if (known !== undefined) return known;
  const owners = await ownersOf(paths);
  const related = owners.length === 0 ? [] : relatives(await installedPackages(), owners);
  const data = related.length === 0 ? [] : dataPaths(await pathsOf(related), related);
  await cache.write(key, JSON.stringify(data));
  return data;
}

/** With links to the file, and without those to directories on the way, which are nearly everybody's. */
function wayTo(path: string): readonly string[] {
  const links: string[] = [];
  const real = resolveIn(hostView, path, (link) => void links.push(link))?.path ?? path;
  return [path, ...links.filter((link) => resolveIn(hostView, link)?.node.kind === "file"), real];
}
