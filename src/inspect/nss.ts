// SPDX-License-Identifier: MIT
/**
 * Name services: glibc loads modules by names in /etc/nsswitch.conf, which no DT_NEEDED has, when a program
 * looks up users, groups, hosts and the like (nsswitch.conf(5)).
 */
import type { Closure } from "./closure.js";

/** The functions of libc that look something up, with the database that they ask. */
const lookups: readonly (readonly [RegExp, string])[] = [
  [/^(?:get|set)pw(?:ent|nam|uid)|^getlogin/, "passwd"],
  [/^(?:get|set)gr(?:ent|nam|gid)|^getgrouplist$|^initgroups$/, "group"],
  [/^getsp(?:ent|nam)/, "shadow"],
  [/^getsg(?:ent|nam)/, "gshadow"],
  [/^get(?:host(?:ent|by)|addrinfo|nameinfo)/, "hosts"],
  [/^getnet(?:ent|by)/, "networks"],
  [/^getproto(?:ent|by)/, "protocols"],
  [/^getserv(?:ent|by)|^getaddrinfo$|^getnameinfo$/, "services"],
  [/^getrpc(?:ent|by)/, "rpc"],
  [/^getaliasbyname|^getaliasent/, "aliases"],
];

/** Part of libc itself since glibc 2.34. */
const builtIn: readonly string[] = ["files", "dns"];

/** The databases that the program or a library of it asks. */
export function askedDatabases({ objects }: Closure): readonly string[] {
  const bound = objects
    .filter(({ name }) => !name.startsWith("libc.so"))
    .flatMap(({ file }) => file.dynamicSymbols.filter(({ section }) => section === "undefined"));
  const names = new Set(bound.map(({ name }) => name));
  return lookups
    .filter(([pattern]) => [...names].some((name) => pattern.test(name)))
    .map(([, database]) => database);
}

/** The files of the modules that the configuration names for the databases, in its order. */
export function nameServiceModules(configuration: string, databases: readonly string[]): readonly string[] {
  const services = configuration.split("\n").flatMap((line) => {
    const [, database = "", list = ""] = /^\s*(\w+):([^#]*)/.exec(line) ?? [];
    if (!databases.includes(database)) return [];
    return list.replaceAll(/\[[^\]]*\]/g, " ").match(/\w+/g) ?? [];
  });
  return [...new Set(services)]
    .filter((name) => !builtIn.includes(name))
    .map((name) => `libnss_${name}.so.2`);
}
