// SPDX-License-Identifier: MIT
/**
 * What of a package and its relatives a program of it finds at run time: data and default configuration, and not
 * documents, headers or services of a running system. Libraries come with the closure of the program.
 */
import type { Package, Packages } from "./debian.js";

/** Every Debian system has these (policy 2.5): a program that needs one of them names it. */
const ofTheSystem = new Set(["required", "important", "standard"]);
/** Of those the ones that are data: nothing in a program names what it reads by a path that is put together. */
const dataOfTheSystem =
  /^(?:tzdata(?:-legacy)?|ca-certificates|netbase|ncurses-(?:base|term)|media-types|mailcap)$/;
/** Debian splits what is needed at boot off a language: `python3.11-minimal`, `perl-base`. */
const smallPart = /-(?:minimal|base)$/;

const leftOut = [
  /^\/usr\/share\/(?:doc|doc-base|man|info|locale|lintian|bug|menu|applications|pkgconfig|aclocal|icons|pixmaps|debianutils)(?:\/|$)/,
  /^\/(?:usr\/)?lib\/(?:systemd|udev|sysusers\.d|debug|lsb|cmake)(?:\/|$)/,
  /^\/usr\/lib\/x86_64-linux-gnu\/(?:pkgconfig|cmake)(?:\/|$)/,
  /^\/usr\/(?:include|src|games)(?:\/|$)/,
  /^\/etc\/(?:init|init\.d|default|logrotate\.d|cron\.\w+|ufw|apparmor\.d|systemd|pam\.d|X11|bash_completion\.d|alternatives)(?:\/|$)/,
  /^\/etc\/(?:skel|rsyslog\.d|ssl\/private)(?:\/|$)/,
  // What compiles extensions of an interpreter, and what fetches them.
  /^\/usr\/lib\/x86_64-linux-gnu\/perl\/[^/]+\/CORE(?:\/|$)/,
  /^\/usr\/lib\/node_modules\/(?:npm|corepack)(?:\/|$)/,
  /^\/var\/lib\/(?:dpkg|ucf)(?:\/|$)/,
  /\.(?:a|la)$/,
];
/** Where packages add something to a program of another package: that program's own data is there too. */
const forAnother = /^\/usr\/share\/(vim|gdb|gcc|zsh|bash-completion)\//;
const programDirectory = /^\/(?:usr\/)?(?:local\/)?s?bin(?:\/|$)/;
/**
 * Libraries that the loader finds by name. A name without a version is for linkers, in packages for developers (policy
 * 8.4); a program's own packages have one for who loads the library by that name while it runs.
 */
const sharedLibrary = /^\/(?:usr\/)?lib(?:64)?\/(?:x86_64-linux-gnu\/)?[^/]+\.so\.[\d.]+$/;

/**
 * The seeds, and of what they need those of the same source and those without machine code: a distribution splits
 * one work into many packages, and puts what all machines share into packages of their own.
 */
export function relatives(packages: Packages, seeds: readonly string[]): readonly string[] {
  const whole = seeds.flatMap((name) => [name, name.replace(smallPart, "")]);
  const chosen = new Map<string, Package>();
  const queue = whole.flatMap((name) => packages.get(name) ?? []);
  const sources = new Set(queue.map(({ source }) => source));
  for (const next of queue) {
    if (chosen.has(next.name)) continue;
    chosen.set(next.name, next);
    for (const alternatives of next.depends) {
      const needed = alternatives.flatMap((name) => packages.get(name) ?? [])[0];
      if (needed !== undefined && isRelative(needed)) queue.push(needed);
    }
  }
  return [...chosen.keys()].sort();

  function isRelative({ name, source, architecture, priority }: Package): boolean {
    const isTaken = !ofTheSystem.has(priority) || dataOfTheSystem.test(name);
    return sources.has(source) || (architecture === "all" && isTaken);
  }
}

/** Of the paths of `packages` those that are data of a program. */
export function dataPaths(paths: readonly string[], packages: readonly string[]): readonly string[] {
  const isOwn = (name: string) => packages.some((each) => each === name || each.startsWith(`${name}-`));
  return paths.filter((path) => {
    const [, owner] = forAnother.exec(`${path}/`) ?? [];
    if (owner !== undefined && !isOwn(owner)) return false;
    return (
      !programDirectory.test(path) && !sharedLibrary.test(path) && !leftOut.some((form) => form.test(path))
    );
  });
}

/** Of the paths of packages those of programs. */
export function programPaths(paths: readonly string[]): readonly string[] {
  return paths.filter((path) => /\/s?bin\/[^/]+$/.test(path));
}
