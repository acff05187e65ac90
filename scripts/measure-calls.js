// SPDX-License-Identifier: MIT
// Measures system calls in instructions, bound, unbound and in ring 3, and how many sites of servers are bound; with
// --write the tables go into docs/calls.md.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { formatTable } from "./measure/table.js";

const ukl = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const document = new URL("../docs/calls.md", import.meta.url);
const servers = ["/usr/sbin/nginx", "/usr/bin/redis-server", "/usr/bin/memcached"];

/** As `ukl bench` calls them, and as the table does. */
const variants = {
  classic: "classic",
  unbound: "unikernel, unbound",
  unikernel: "unikernel, bound",
  shortcuts: "with shortcuts",
};

const scratch = mkdtempSync(join(tmpdir(), "ukl-calls-"));
try {
  const text = `${costs()}\n${shares()}`;
  process.stdout.write(text);
  if (process.argv.includes("--write")) writeInto(text);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function run(...args) {
  return execFileSync(process.execPath, [ukl, ...args], { encoding: "utf8", maxBuffer: 1 << 26 });
}

function costs() {
  const { metrics } = JSON.parse(run("bench", "--part", "calls", "--runs", "3", "--accel", "tcg", "--json"));
  const rows = metrics.map(({ name, results }) => {
    const of = (variant) => results.find((result) => result.variant === variant);
    const columns = Object.keys(variants).map((variant) => Math.round(of(variant).median));
    const less = ["unikernel", "shortcuts"].map(
      (each) => `${Math.round(100 * (1 - of(each).ratio.value))} %`,
    );
    return [name, ...columns, ...less];
  });
  return formatTable(
    ["instructions", ...Object.values(variants), "bound, less than classic", "with shortcuts, less"],
    rows,
  );
}

function shares() {
  const rows = servers.filter(existsSync).map((server) => {
    const image = join(scratch, "server.elf");
    const { manifest } = JSON.parse(run("build", server, "--kernel", "generic", "--json", "-o", image));
    const { bound, left } = manifest.sites;
    const total = Object.values(left).reduce((sum, count) => sum + count, bound);
    const others = Object.entries(left).map(([reason, count]) => `${count} ${reason}`);
    return [server, total, bound, `${(100 * (bound / total)).toFixed(1)} %`, others.join(", ")];
  });
  return formatTable(["program with its libraries", "sites reached", "bound", "share", "others"], rows);
}

function writeInto(text) {
  const [head] = readFileSync(document, "utf8").split("## Measured");
  writeFileSync(document, `${head}## Measured\n\n${text}`);
}
