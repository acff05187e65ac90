// SPDX-License-Identifier: MIT
/** The files that a dynamic program is started with and looks for, as its inspection names them. */
import { dirname } from "node:path/posix";
import { UklError } from "../errors.js";
import { accountFiles } from "./accounts.js";
import { HostTree, type Tree } from "./host-tree.js";

/** What the inspection of a program says of files. */
export interface NamedFiles {
  readonly missingLibraries: readonly { readonly name: string; readonly neededBy: string }[];
  readonly libraries: readonly { readonly path: string; readonly reason: string }[];
  readonly files: readonly { readonly path: string; readonly kind: string }[];
}

/** Name services other than files and DNS are the host's; archives of locales are taken where one is set. */
const takenKinds = new Set(["certificates", "timezone", "configuration", "path"]);
/** What the kernel or a running system provides. */
const ofTheSystem = /^\/(?:proc|sys|dev|run|var\/run|tmp)(?:\/|$)/;
/** Chosen by name at run time, from far more than one program wants. */
const wholeDatabases = new Set(["/usr/share/zoneinfo/", "/usr/share/locale/"]);
const generated = new Set(["/etc/passwd", "/etc/group", "/etc/hosts", "/etc/nsswitch.conf", "/etc/shadow"]);

/**
 * `program` is the path that it is executed by; its bytes are searched for the names of accounts. Throws UKL-201 and
 * UKL-225.
 */
export async function closureTree(
  program: string,
  { libraries, files, missingLibraries }: NamedFiles,
  programBytes: Uint8Array,
): Promise<Tree> {
  const [missing] = missingLibraries;
  if (missing !== undefined) throw missingLibrary(missing);
  const tree = new HostTree();
  await tree.addWay(program);
  for (const { path, reason } of libraries) {
    if (reason !== "program" && reason !== "nss") await tree.add(path);
  }
  for (const { path, kind } of files) {
    if (!takenKinds.has(kind) || ofTheSystem.test(path) || wholeDatabases.has(path) || generated.has(path))
      continue;
    // What a program writes is not the host's to give; but the directory for it has to be there.
    if (path.startsWith("/var/")) await tree.addDirectory(dirname(path));
    else if (kind !== "path" || /^\/(?:etc|usr\/share|usr\/lib)\/./.test(path)) await tree.add(path);
  }
  const texts = [programBytes, ...[...tree.files.values()].filter(isText).map(({ data }) => data)].map(
    (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
  );
  const accounts = await accountFiles((word) => texts.some((text) => hasWord(text, word)));
  for (const file of accounts) tree.files.set(file.path, file);
  return tree;
}

function missingLibrary({ name, neededBy }: NamedFiles["missingLibraries"][number]): UklError {
  return new UklError("UKL-225", {
    what: `the library ${name} is missing`,
    cause: `${neededBy} needs it, and it is in none of the directories where the loader looks`,
    fix: "install the package that has it",
  });
}

function isText({ path }: { readonly path: string }): boolean {
  return path.startsWith("/etc/");
}

function hasWord(text: Buffer, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const around = [text[at - 1], text[at + word.length]];
    if (around.every((byte) => byte === undefined || !/[\w-]/.test(String.fromCharCode(byte)))) return true;
  }
  return false;
}
