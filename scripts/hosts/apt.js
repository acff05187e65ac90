// SPDX-License-Identifier: MIT
// This machine's package sources, for another Debian: the same places, another name of the release.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

const directory = "/etc/apt";
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** What a mirror or a proxy needs; the rest of apt's settings are a machine's own. */
const wanted = /^Acquire::(?:https?(?:::|\s)|ForceIPv|Retries|Check-)/;

/** The sources of `release` where this machine has those of its own. */
export function sourcesFor(release) {
  const main = `${directory}/sources.list`;
  const lists = [...(existsSync(main) ? [readFileSync(main, "utf8")] : []), ...files(".list")];
  return sourcesIn({ lists, stanzas: files(".sources"), own: ownRelease(), release });
}

/**
 * The sources that apt's files name for the release `own`, with `release` in its place: `[{ uri, suite, components }]`.
 * `lists` are files of lines, `stanzas` those of fields.
 */
export function sourcesIn({ lists, stanzas, own, release }) {
  const found = [...lists.flatMap(entriesOfList), ...stanzas.flatMap(entriesOfStanzas)]
    .filter(({ suite }) => suite === own || suite.startsWith(`${own}-`))
    .map((source) => ({ ...source, suite: source.suite.replace(own, release) }));
  if (!found.some(({ suite }) => suite === release))
    throw new Error(`no package source of this machine's apt is one of ${own}, whose place ${release} has`);
  return found;
}

/** As `/etc/apt/sources.list` has them. */
export function sourceLines(sources) {
  return sources.map(
    ({ uri, suite, components }) => `deb [signed-by=${keyring}] ${uri} ${suite} ${components}\n`,
  );
}

/** This machine's ways to a mirror, as a file of `apt.conf.d`. */
export function aptSettings() {
  const lines = execFileSync("apt-config", ["dump"], { encoding: "utf8" }).split("\n");
  return lines
    .filter((line) => wanted.test(line))
    .map((line) => `${line}\n`)
    .join("");
}

function ownRelease() {
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  if (release === undefined) throw new Error("/etc/os-release names no release of Debian");
  return release;
}

function files(extension) {
  const more = existsSync(`${directory}/sources.list.d`) ? readdirSync(`${directory}/sources.list.d`) : [];
  return more
    .filter((name) => name.endsWith(extension))
    .map((name) => readFileSync(`${directory}/sources.list.d/${name}`, "utf8"));
}

function entriesOfList(text) {
  return text
    .split("\n")
    .map((line) => /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line))
    .filter((match) => match !== null)
    .map(([, uri, suite, components]) => ({ uri, suite, components: components.trim() }));
}

function entriesOfStanzas(text) {
  return text
    .replaceAll(/^#.*\n/gm, "")
    .split(/\n\s*\n/)
    .map(fieldsOf)
    .filter(({ types = "", enabled = "yes" }) => types.split(" ").includes("deb") && enabled !== "no")
    .flatMap(({ uris = "", suites = "", components = "" }) =>
      uris.split(" ").flatMap((uri) => suites.split(" ").map((suite) => ({ uri, suite, components }))),
    );
}

function fieldsOf(stanza) {
  const fields = stanza.matchAll(/^([\w-]+):[ \t]*(.*(?:\n[ \t]+.*)*)$/gm);
  return Object.fromEntries(
    [...fields].map(([, name, value]) => [name.toLowerCase(), value.replaceAll(/\s+/g, " ").trim()]),
  );
}
