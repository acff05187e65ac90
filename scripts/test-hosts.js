// SPDX-License-Identifier: MIT
// Runs setup, unit tests and boot tests on each Debian, in containers that debootstrap fills: as root, since that is
// what debootstrap and mounts need. `--host NAME` and `--suite NAME` take one of them, and can be repeated; `--fresh`
// begins with an empty Debian; `--write` writes docs/hosts.md. Other words are vitest's, such as a file's name: what
// other files did before stays in the table.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runInContainer } from "./hosts/container.js";
import { authoritiesPath, copyCheckout, placesOf, prepareRoot } from "./hosts/root.js";
import { filesOf, keepResult, keptResults, pageOf, tableOf, totalOf } from "./hosts/table.js";

const titles = { bookworm: "Debian 12", trixie: "Debian 13" };
const suites = ["setup", "unit", "boot"];
const { values: flags, positionals: more } = parseArgs({
  options: {
    host: { type: "string", multiple: true, default: Object.keys(titles) },
    suite: { type: "string", multiple: true, default: suites },
    fresh: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
for (const [given, known] of [
  [flags.host, Object.keys(titles)],
  [flags.suite, suites],
])
  for (const name of given)
    if (!known.includes(name)) throw new Error(`${name} is none of ${known.join(", ")}`);
if (process.getuid() !== 0) throw new Error("containers need root's rights: run it through sudo");

const summaries = flags.host.map(testHost);
process.stdout.write(`\n${tableOf(summaries)}`);
if (summaries.some(({ results }) => results.some(({ failures, skipped }) => failures.length + skipped > 0)))
  process.exitCode = 1;
if (flags.write) {
  const all = Object.keys(titles).map((release) => summaryOf(release));
  const page = pageOf(all.filter(({ results }) => results.length > 0));
  writeFileSync(fileURLToPath(new URL("../docs/hosts.md", import.meta.url)), page);
}

function testHost(release) {
  prepareRoot(release, flags.fresh);
  copyCheckout(release);
  const results = [];
  for (const suite of suites.filter((name) => flags.suite.includes(name))) {
    const files = suite === "setup" ? setUp(release) : runTests(release, suite);
    const total = totalOf(files);
    results.push({ suite, ...total });
    const result = { tools: toolsOf(placesOf(release).container), files };
    keepResult(join(placesOf(release).home, "results"), suite, result, more.length > 0);
    // Without it nothing is to be tested.
    if (suite === "setup" && total.failures.length > 0) break;
  }
  return { ...summaryOf(release), results };
}

function summaryOf(release) {
  const { home } = placesOf(release);
  const results = keptResults(join(home, "results"), suites);
  return { title: titles[release], tools: results.at(-1)?.tools ?? "", results };
}

function setUp(release) {
  const { container } = placesOf(release);
  const command = ["npm", "run", "setup"];
  const begin = performance.now();
  const { exitStatus } = runInContainer({ ...container, network: "host" }, command, { env: npmSettings() });
  const failures = exitStatus === 0 ? [] : [command.join(" ")];
  const seconds = Math.round((performance.now() - begin) / 1000);
  return { setup: { passed: 1 - failures.length, failures, skipped: 0, seconds } };
}

function runTests(release, suite) {
  const { container, results } = placesOf(release);
  const own = { ...container, network: "own" };
  const report = join(results, `${suite}.json`);
  rmSync(report, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=test-results/${suite}.json`];
  const { exitStatus } = runInContainer(own, ["npm", "run", "build"]);
  if (exitStatus === 0)
    runInContainer(own, ["npx", "vitest", "run", "--project", suite, ...reporters, ...more]);
  if (existsSync(report)) return filesOf(JSON.parse(readFileSync(report, "utf8")));
  const failures = [`the ${suite} tests did not come to an end`];
  return { [suite]: { passed: 0, failures, skipped: 0, seconds: 0 } };
}

/** Where this machine's npm gets packages from, and whose certificates it takes for that. */
function npmSettings() {
  const registry = execFileSync("npm", ["config", "get", "registry"], { encoding: "utf8" }).trim();
  const authorities = process.env.NODE_EXTRA_CA_CERTS ? { NODE_EXTRA_CA_CERTS: authoritiesPath } : {};
  return { npm_config_registry: registry, ...authorities };
}

/** What a page can say of a host: the versions of what the results depend on. */
function toolsOf(container) {
  const packages = ["gcc", "binutils", "libc6", "golang-go", "qemu-system-x86", "passt"];
  // biome-ignore lint/suspicious/noTemplateCurlyInString: this is dpkg-query's own
  const query = ["dpkg-query", "-W", "-f", "${Package} ${Version}\\n", ...packages];
  const { stdout } = runInContainer({ ...container, network: "own" }, query, { capture: true });
  const node = runInContainer({ ...container, network: "own" }, ["node", "--version"], { capture: true });
  const versions = stdout.trim().split("\n");
  return [...versions, `Node ${node.stdout.trim().slice(1)}`].join(", ");
}
