// SPDX-License-Identifier: MIT
/** What the manifest of a jar says (JAR File Specification). */
import { dirname, join } from "node:path";
import { readZipMember } from "../host/zip.js";
import type { Project } from "./plan.js";
import { isThere } from "./plan-parts.js";

export const manifestName = "META-INF/MANIFEST.MF";
/** A signature of each member is in it, but no more. */
const mostManifestBytes = 16 << 20;
export const noMain = "its manifest names no Main-Class";

/** The manifest's main section, or what is wrong with the jar. */
export async function readJar(project: Project, jar: string): Promise<ReadonlyMap<string, string> | string> {
  try {
    const bytes = await readZipMember(join(project.directory, jar), manifestName, mostManifestBytes);
    const attributes = mainSection(bytes?.toString() ?? "");
    return attributes.has("Main-Class") ? attributes : noMain;
  } catch (error) {
    return `it is no archive that can be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Lines that begin with a space go on with the one before; an empty line ends the section. */
export function mainSection(text: string): ReadonlyMap<string, string> {
  const [section = ""] = text.replaceAll(/\r\n?/g, "\n").replaceAll("\n ", "").split("\n\n");
  const pairs = [...section.matchAll(/^([\w-]+): ?(.*)$/gm)].map(
    ([, name = "", value = ""]) => [name, value.trim()] as const,
  );
  return new Map(pairs.filter(([, value]) => value !== ""));
}

/** URLs, relative to the jar; a directory ends with a slash. */
export function classPath(
  project: Project,
  jar: string,
  attributes: ReadonlyMap<string, string>,
): readonly string[] {
  const urls = attributes.get("Class-Path")?.split(/ +/) ?? [];
  const paths = urls.flatMap((url) => {
    try {
      return /^\w+:/.test(url) ? [] : [join(dirname(jar), decodeURIComponent(url)).replace(/\/$/, "")];
    } catch {
      return [];
    }
  });
  return [...new Set(paths)].filter((path) => isThere(project, path));
}
