// SPDX-License-Identifier: MIT
// The root file system of a Debian, with Node and a copy of the checkout; all of it below one directory, which is kept.
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { aptSettings, sourceLines, sourcesFor } from "./apt.js";
import { runApart, runInContainer } from "./container.js";

const own = (path) => fileURLToPath(new URL(path, import.meta.url));
const checkout = own("../..");
const cacheHome = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
/** In the container. */
const directory = "/root/uklkit";
/** In the container: what NODE_EXTRA_CA_CERTS of this machine names. */
export const authoritiesPath = "/usr/local/share/authorities.pem";

/** Where things of a release are, and how its container is. */
export function placesOf(release) {
  const home = join(cacheHome, "uklkit-hosts", release);
  const root = join(home, "root");
  const container = { root, name: `debian-${release}`, directory, cache: join(home, "cache") };
  return {
    home,
    root,
    base: join(home, "base.tar"),
    container,
    results: join(root, directory, "test-results"),
  };
}

/** Makes what is missing of the root file system, or all of it when it is to be `fresh`. */
export function prepareRoot(release, fresh) {
  const { home, root, base, container } = placesOf(release);
  mkdirSync(container.cache, { recursive: true });
  if (fresh) rmSync(root, { recursive: true, force: true });
  if (existsSync(root)) return;
  const partial = `${root}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  if (existsSync(base)) execFileSync("tar", ["-x", "-f", base, "-C", partial]);
  else makeBase(release, partial, base);
  configure(release, partial);
  mkdirSync(join(partial, directory), { recursive: true });
  installNode({ ...container, root: partial, network: "host", directory: "/" });
  renameSync(partial, root);
  rmSync(join(home, "results"), { recursive: true, force: true });
}

/** The smallest Debian: what is there beside it, `npm run setup` brought. */
function makeBase(release, root, base) {
  installDebootstrap();
  const { uri } = sourcesFor(release).find(({ suite }) => suite === release);
  succeed(runApart(["debootstrap", "--variant=minbase", release, root, uri]), "debootstrap");
  execFileSync("tar", ["-c", "-f", `${base}.partial`, "-C", root, "--one-file-system", "."]);
  renameSync(`${base}.partial`, base);
}

function installDebootstrap() {
  if (spawnSync("debootstrap", ["--version"]).error === undefined) return;
  const words = ["install", "-y", "--no-install-recommends", "debootstrap"];
  execFileSync("apt-get", words, {
    stdio: "inherit",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
}

function configure(release, root) {
  const at = (path) => join(root, path);
  writeFileSync(at("etc/apt/sources.list"), sourceLines(sourcesFor(release)).join(""));
  writeFileSync(at("etc/apt/apt.conf.d/90mirror"), aptSettings());
  writeFileSync(at("etc/hostname"), `debian-${release}\n`);
  writeFileSync(
    at("etc/hosts"),
    `${readFileSync("/etc/hosts", "utf8").trimEnd()}\n192.0.2.2 debian-${release}\n`,
  );
  rmSync(at("etc/resolv.conf"), { force: true });
  copyFileSync("/etc/resolv.conf", at("etc/resolv.conf"));
  const { NODE_EXTRA_CA_CERTS: authorities } = process.env;
  if (authorities) copyFileSync(authorities, at(authoritiesPath));
  cpSync(own("policy-rc.d"), at("usr/sbin/policy-rc.d"));
}

/**
 * Debian's Node, where it is new enough for package.json, as its users have; else this machine's own. npm is this
 * machine's in either case: it is JavaScript alone, and Debian's has some four hundred packages.
 */
function installNode(container) {
  const inside = (words) => runInContainer(container, words, { capture: true });
  const update = inside(["apt-get", "update"]);
  succeed(update, "apt-get update");
  const policy = inside(["apt-cache", "policy", "nodejs"]).stdout;
  const offered = /Candidate: (\d+)\.(\d+)/.exec(policy);
  if (offered !== null && isEnough(offered)) {
    const install = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y"];
    succeed(runInContainer(container, [...install, "--no-install-recommends", "nodejs"]), "apt-get install");
  } else {
    copyFileSync(process.execPath, join(container.root, "usr/local/bin/node"));
  }
  const npm = join(container.root, "usr/local/lib/node_modules/npm");
  cpSync(npmDirectory(), npm, { recursive: true, dereference: true });
  for (const name of ["npm", "npx"])
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(container.root, "usr/local/bin", name));
}

function isEnough([, major, minor]) {
  const { engines } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8"));
  const [, leastMajor, leastMinor] = /(\d+)\.(\d+)/.exec(engines.node);
  return Number(major) > Number(leastMajor) || (major === leastMajor && Number(minor) >= Number(leastMinor));
}

function npmDirectory() {
  const cli = process.env.npm_execpath ?? execFileSync("which", ["npm"], { encoding: "utf8" }).trim();
  return dirname(dirname(realpathSync(cli)));
}

/** HEAD and what is not committed, without what is ignored. What was installed and built there before stays. */
export function copyCheckout(release) {
  const { root } = placesOf(release);
  const destination = join(root, directory);
  const git = (...words) => execFileSync("git", ["-C", checkout, ...words], { maxBuffer: 1 << 28 });
  const files = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").toString().split("\0");
  const present = [...new Set(files)].filter((name) => name !== "" && existsSync(join(checkout, name)));
  const keep = ["node_modules", "dist", "test-results"].flatMap((name) => ["!", "-name", name]);
  const below = ["-mindepth", "1", "-maxdepth", "1", ...keep];
  execFileSync("find", [destination, ...below, "-exec", "rm", "-rf", "{}", "+"]);
  const archive = execFileSync(
    "tar",
    ["-c", "-C", checkout, "--null", "-T", "-", "--owner", "0", "--group", "0"],
    {
      input: present.join("\0"),
      maxBuffer: 1 << 30,
    },
  );
  execFileSync("tar", ["-x", "-C", destination], { input: archive });
}

function succeed({ exitStatus }, what) {
  if (exitStatus !== 0) throw new Error(`${what} ended with status ${exitStatus}`);
}
