// SPDX-License-Identifier: MIT
// Debian's packages on this machine, for scripts whose tests need more than `ukl doctor` installs.
import { execFileSync, spawnSync } from "node:child_process";
import { installCommand, updateCommand, withSudo } from "../dist/host/packages.js";

/** Asks apt for what is missing of them, as root or through sudo. */
export function install(packages) {
  const missing = packages.filter((name) => version(name) === undefined);
  if (missing.length === 0) return;
  for (const command of [updateCommand, installCommand(missing)]) {
    const { tool, args, env } = process.getuid() === 0 ? command : withSudo(command);
    execFileSync(tool, args, { stdio: "inherit", env: { ...process.env, ...env } });
  }
}

/** Of an installed package, without what Debian appends. */
export function version(name) {
  const { stdout, status } = spawnSync(
    "dpkg-query",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: these are dpkg-query's own
    ["-W", "-f", "${db:Status-Abbrev}${Version}", name],
    { encoding: "utf8" },
  );
  return status === 0 && stdout.startsWith("ii ") ? stdout.slice(3).replace(/^\d+:|[-+].*$/g, "") : undefined;
}
