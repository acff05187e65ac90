// SPDX-License-Identifier: MIT
/**
 * Name services: glibc loads modules by names in /etc/nsswitch.conf, which no DT_NEEDED has, when a program
 * looks up users, groups, hosts and the like (nsswitch.conf(5)).
 */
import { noSection } from "../elf/symbol-table.js";
import { readInput } from "../host/files.js";
import { type Closure, type Constituents, extendClosure } from "./closure.js";

/**
 * The functions of libc that look something up, with the database that they ask. A service's function for it has the
 * same name behind `_nss_SERVICE_`.
 */
const lookups: readonly (readonly [RegExp, string])[] = [
  [/^(?:get|set|end)pw(?:ent|nam|uid)|^getlogin/, "passwd"],
  [/^(?:get|set|end)gr(?:ent|nam|gid)|^getgrouplist$|^initgroups/, "group"],
  [/^(?:get|set|end)sp(?:ent|nam)/, "shadow"],
  [/^(?:get|set|end)sg(?:ent|nam)/, "gshadow"],
  [/^(?:get|set|end)host(?:ent|by)|^getaddrinfo$|^getnameinfo$|^getcanonname/, "hosts"],
  [/^(?:get|set|end)net(?:ent|by)/, "networks"],
  [/^(?:get|set|end)proto(?:ent|by)/, "protocols"],
  [/^(?:get|set|end)serv(?:ent|by)/, "services"],
  [/^(?:get|set|end)rpc(?:ent|by)/, "rpc"],
  [/^(?:get|set|end)alias(?:by|ent)/, "aliases"],
  [/^(?:get|set|end)netgr|^innetgr/, "netgroup"],
  [/^(?:get|set|end)ether|^ether_(?:hostton|ntohost)|^gethostton|^getntohost/, "ethers"],
  [/^getpublickey|^getsecretkey|^netname2user/, "publickey"],
];

/** What all of these names begin with: few of a library's do. */
const lookupName = /^(?:get|set|end|in|ether_|netname2)/;

/** Looks up a host and the number of its service at once. */
const looksUpTwo = /^getaddrinfo$|^getnameinfo$/;

/** The database that a function of libc or of a service looks something up in. */
export function databasesOf(name: string): readonly string[] {
  const asked = name.startsWith("_nss_") ? name.replace(/^_nss_[a-z]+_/, "") : name;
  if (!lookupName.test(asked)) return [];
  const databases = lookups.filter(([pattern]) => pattern.test(asked)).map(([, database]) => database);
  return looksUpTwo.test(asked) ? [...databases, "services"] : databases;
}

/** Part of libc itself since glibc 2.34. */
const builtIn: readonly string[] = ["files", "dns"];

/** Adds the modules that libc loads to look up users, hosts and the like. One that is not there is not used. */
export async function withNameServices(closure: Closure): Promise<Closure> {
  const databases = askedDatabases(closure);
  if (databases.length === 0) return closure;
  const configuration = await readInput(closure.loader.system.view.locate("/etc/nsswitch.conf")).catch(() =>
    Buffer.alloc(0),
  );
  const modules = nameServiceModules(configuration.toString("utf8"), databases);
  const extended = await extendClosure(closure, modules, "nss");
  return { ...extended, missing: closure.missing };
}

/** The databases that the program or a library of it asks. */
function askedDatabases(closure: Constituents): readonly string[] {
  return [...new Set([...boundNames(closure)].flatMap(databasesOf))];
}

/** What the objects of a closure want of others; libc asks nothing for itself. */
export function boundNames({ objects }: Constituents): ReadonlySet<string> {
  const bound = new Set<string>();
  for (const { name, file } of objects) {
    if (name.startsWith("libc.so")) continue;
    const { dynamicSymbolTable: table } = file;
    for (let symbol = 0; symbol < table.count; symbol++) {
      if (table.sections[symbol] === noSection.undefined) bound.add(table.nameOf(symbol));
    }
  }
  return bound;
}

/** The files of the modules that the configuration names for the databases, in its order. */
function nameServiceModules(configuration: string, databases: readonly string[]): readonly string[] {
  const services = configuration.split("\n").flatMap((line) => {
    const [, database = "", list = ""] = /^\s*(\w+):([^#]*)/.exec(line) ?? [];
    if (!databases.includes(database)) return [];
    return list.replaceAll(/\[[^\]]*\]/g, " ").match(/\w+/g) ?? [];
  });
  return [...new Set(services)]
    .filter((name) => !builtIn.includes(name))
    .map((name) => `libnss_${name}.so.2`);
}
