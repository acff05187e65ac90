// SPDX-License-Identifier: MIT
// Commands in namespaces of their own. They end with this process, and what they mounted ends with them.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("container.sh", import.meta.url));
const environment = {
  HOME: "/root",
  LANG: "C.UTF-8",
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  TERM: process.env.TERM ?? "dumb",
};

/** Runs a command of this machine whose mounts and processes are to end with it. Returns its exit status. */
export function runApart(command, options = {}) {
  return runIn(["--mount", "--pid"], command, options);
}

/**
 * Runs a command in a container: `{ root, name, network, directory, cache }`. With the `host`'s network it reaches
 * what this machine does; with its `own` it has its loopback interface, and a route that leads nowhere.
 */
export function runInContainer({ root, name, network, directory, cache }, command, options = {}) {
  const namespaces = ["--mount", "--pid", "--uts", "--ipc", ...(network === "own" ? ["--net"] : [])];
  const words = ["sh", script, root, name, network, directory, cache, ...command];
  return runIn(namespaces, words, { ...options, env: { ...environment, ...options.env } });
}

function runIn(namespaces, command, options) {
  const unshare = ["unshare", ...namespaces, "--propagation", "private", "--fork", "--kill-child"];
  const { status, stdout, error } = spawnSync("setpriv", ["--pdeathsig", "KILL", ...unshare, ...command], {
    stdio: ["ignore", options.capture ? "pipe" : "inherit", "inherit"],
    encoding: "utf8",
    env: options.env ?? process.env,
  });
  if (error !== undefined) throw error;
  return { exitStatus: status ?? 1, stdout };
}
