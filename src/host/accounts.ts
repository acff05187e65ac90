// SPDX-License-Identifier: MIT
/** passwd(5) and group(5): who has which number. */
import { readFileSync } from "node:fs";
import type { FileView } from "./file-view.js";

export interface Account {
  readonly name: string;
  readonly id: number;
  /** What follows the number: a user's group first, a group's members. */
  readonly further: readonly string[];
}

/** (uid_t)-1 means none. */
const greatestId = 0xfffffffe;

/** Accounts from here on are people's (login.defs: UID_MIN). */
const firstPerson = 1000;
const nobody = 65534;

/** Of a service, of root or of nobody: passwords and people are none of an image's business. */
export function isOfTheSystem(id: number): boolean {
  return id < firstPerson || id === nobody;
}

/** The lines that have a name and a number; none of a file that is not there. */
export function readAccounts(view: Pick<FileView, "locate">, kind: "user" | "group"): readonly Account[] {
  const lines = textOf(view.locate(kind === "user" ? "/etc/passwd" : "/etc/group")).split("\n");
  return lines.flatMap((line) => {
    const [name = "", , digits, ...further] = line.split(":");
    const id = accountId(digits);
    return name === "" || id === undefined ? [] : [{ name, id, further }];
  });
}

/** The number that a text is, if it is one. */
export function accountId(text: string | undefined): number | undefined {
  const id = text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  return id !== undefined && id <= greatestId ? id : undefined;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
