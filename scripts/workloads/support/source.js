// SPDX-License-Identifier: MIT
// The upstream source of an installed Debian package, for the test suite in it. Fetched with apt, which checks the
// signatures, into a directory of ours: neither the system's lists nor its sources change.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const sourceLists = ["/etc/apt/sources.list", "/etc/apt/sources.list.d"];

/** The unpacked source that the binary package was built from, without Debian's patches. */
export function fetchSource(directory, binaryPackage) {
  const [name, version] = installedSource(binaryPackage);
  const unpacked = join(directory, `${name}-${version.replace(/^\d+:/, "")}`);
  if (existsSync(unpacked)) return unpacked;
  const apt = prepareApt(join(directory, "apt"));
  const download = join(directory, "download", name);
  mkdirSync(download, { recursive: true });
  downloadFirst(apt, name, offeredVersions(apt, name, version), download);
  const tarball = readdirSync(download).find((file) => /\.orig\.tar\.\w+$/.test(file));
  const unfinished = `${unpacked}.new`;
  mkdirSync(unfinished, { recursive: true });
  run("tar", ["-xf", join(download, tarball), "--strip-components=1", "-C", unfinished]);
  renameSync(unfinished, unpacked);
  return unpacked;
}

/** A mirror may list a revision whose files are gone already. */
function downloadFirst(apt, name, versions, directory) {
  for (const [index, version] of versions.entries()) {
    try {
      const args = ["source", "--download-only", "--tar-only", `${name}=${version}`];
      run("apt-get", [...apt, ...args], directory);
      return;
    } catch (error) {
      if (index === versions.length - 1) throw error;
    }
  }
}

function installedSource(binaryPackage) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own placeholders
  const format = "${source:Package} ${source:Version}";
  return run("dpkg-query", ["-W", "-f", format, binaryPackage]).split(" ");
}

/** The options that make apt use the system's mirrors for sources. Fetches their lists the first time. */
function prepareApt(directory) {
  const [sources, lists] = [join(directory, "sources"), join(directory, "lists")];
  const options = [
    ["Dir::Etc::sourcelist", "/dev/null"],
    ["Dir::Etc::sourceparts", sources],
    ["Dir::State::lists", lists],
    ["APT::Sandbox::User", "root"], // it could not write to our directory as _apt
  ].flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  if (existsSync(sources)) return options;
  mkdirSync(sources, { recursive: true });
  mkdirSync(join(lists, "partial"), { recursive: true });
  for (const file of systemSources()) {
    const text = readFileSync(file, "utf8");
    const name = file.slice(file.lastIndexOf("/") + 1);
    writeFileSync(join(sources, name), text.replace(/^(Types:\s*)?deb(?=\s)/gm, "$1deb-src"));
  }
  run("apt-get", [...options, "update"]);
  return options;
}

function systemSources() {
  const inFolder = (path) => readdirSync(path).map((name) => join(path, name));
  const files = sourceLists
    .filter(existsSync)
    .flatMap((path) => (path.endsWith(".d") ? inFolder(path) : path));
  return files.filter((file) => /\.(list|sources)$/.test(file));
}

/** The installed version first, then other revisions of it: their upstream source is the same. */
function offeredVersions(apt, name, version) {
  const upstream = (text) => text.replace(/-[^-]*$/, "");
  const text = run("apt-cache", [...apt, "showsrc", "--only-source", name]);
  const offered = [...text.matchAll(/^Version: (.*)$/gm)].map((match) => match[1]);
  const same = offered.filter((other) => upstream(other) === upstream(version) && other !== version);
  if (offered.includes(version)) same.unshift(version);
  if (same.length === 0) throw new Error(`no mirror has the source of ${name} ${version}`);
  return same;
}

function run(command, args, cwd) {
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}
