// SPDX-License-Identifier: MIT
// Runs the system call tests of a Linux Test Project on this host and in guests of both modes; in unikernel mode all of
// them are in ring 0. A machine that crashes fails the run, and so does a warning of its kernel, and a difference from
// the host that scripts/suites/ltp-differences.json does not explain. With --write the tables go into docs/suites.md.
//
//   npm run test:ltp -- DIR [--shards N] [--write]       and the options of scripts/suites/suite.js
//
// DIR is where LTP is installed: its testcases/bin and runtest. Needs root's rights, as LTP does; what reaches beyond
// namespaces is not run on the host. Each mode has N guests that share the tests (1).
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { cacheDirectory } from "../dist/host/places.js";
import { formatTable } from "./measure/table.js";
import { buildSuite, runHere, runInGuests, scratchDirectory } from "./suites/machines.js";
import { machines } from "./suites/names.js";
import { runSuite, suiteOptions } from "./suites/suite.js";

const lists = ["syscalls", "syscalls-ipc"];
const machine = { memory: "4G", cpus: 2 };
const limitSeconds = 240;
/** Where LTP is in a guest. */
const guestRoot = "/opt/ltp";
/** The second disk, which is not mounted while tests run. */
const guestDevice = { path: "/dev/vdb", mounted: "/mnt/device" };
const guestConfig = "/suite/config";
/** Bits of an exit status (include/tst_res_flags.h of LTP), the worst first. */
const bits = { BROK: 2, FAIL: 1, WARN: 4, CONF: 32 };
const settings = {
  LTP_TIMEOUT_MUL: "6",
  LTP_RUNTIME_MUL: "0.2",
  LTP_SINGLE_FS_TYPE: "ext4",
  LTP_COLORIZE_OUTPUT: "n",
};
/** Programs that tests execute, where the host has them. */
const tools = [
  ...[
    "cat",
    "chmod",
    "cp",
    "grep",
    "ip",
    "ls",
    "mkdir",
    "mount",
    "mv",
    "ps",
    "rm",
    "sleep",
    "true",
    "umount",
  ],
  ...["systemd-detect-virt"],
].map((name) => `/usr/bin/${name}`);
for (const name of [
  "debugfs",
  "groupdel",
  "mke2fs",
  "mkfs.ext2",
  "mkfs.ext3",
  "mkfs.ext4",
  "mkswap",
  "e4crypt",
  "quotacheck",
  "useradd",
  "userdel",
])
  tools.push(`/usr/sbin/${name}`);

const { values: flags, positionals } = parseArgs({
  options: { ...suiteOptions, shards: { type: "string", default: "1" } },
  allowPositionals: true,
});
if (positionals.length !== 1) throw new Error("usage: npm run test:ltp -- DIR");
const installed = resolve(positionals[0]);
const tests = readTests();
const scratch = scratchDirectory("ltp");
let staged;
await runSuite({ name: "ltp", names: [...tests.keys()], verdict, runOn, tables }, flags);

/** The tests of the lists whose programs are there: each line is a name and a command. */
function readTests() {
  const found = [];
  for (const list of lists) {
    for (const line of readFileSync(join(installed, "runtest", list), "utf8").split("\n")) {
      const [, name, command] = /^(\w[\w.-]*)\s+(.*\S)\s*$/.exec(line) ?? [];
      if (name === undefined || !existsSync(join(installed, "testcases/bin", command.split(/\s+/)[0])))
        continue;
      found.push([name, { name, seconds: limitSeconds, command }]);
    }
  }
  return new Map(found.sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** A copy without debug information, which a guest would have to keep in memory. */
function stage() {
  const root = join(scratch, "ltp");
  cpSync(join(installed, "testcases"), join(root, "testcases"), { recursive: true, verbatimSymlinks: true });
  const bin = join(root, "testcases/bin");
  const programs = readdirSync(bin, { withFileTypes: true }).filter(
    (entry) => entry.isFile() && isElf(join(bin, entry.name)),
  );
  for (const { name } of programs) execFileSync("strip", ["--strip-debug", join(bin, name)]);
  return { root, programs: programs.map(({ name }) => `${guestRoot}/testcases/bin/${name}`) };
}

function isElf(path) {
  return readFileSync(path).subarray(0, 4).toString("latin1") === "\x7fELF";
}

function environment(root, path) {
  return { ...settings, LTPROOT: root, PATH: `${root}/testcases/bin:/usr/sbin:/usr/bin:/sbin:/bin`, ...path };
}

async function runOn(where, names, onResult) {
  staged ??= stage();
  const mine = names.map((name) => tests.get(name));
  if (where === "host") {
    const env = environment(staged.root, { TMPDIR: join(scratch, "work") });
    return runHere({ tests: mine, scratch, onResult, env });
  }
  const shards = Number(flags.shards);
  const shares = Array.from({ length: shards }, (_, shard) =>
    mine.filter((_test, at) => at % shards === shard),
  );
  const { imagePath, config } = await buildImage(where, shares);
  const troubles = shares.map((share, index) =>
    runInGuests({
      ...{ imagePath, share: index, tests: share, ...machine, scratch, onResult },
      include: { [guestConfig]: config },
      diskSizes: { [guestDevice.mounted]: "2G" },
    }),
  );
  return (await Promise.all(troubles)).flat();
}

/** The image, and the configuration of its kernel. */
async function buildImage(mode, shares) {
  const env = {
    ...{ TMPDIR: "/mnt/suite", KCONFIG_PATH: guestConfig },
    ...{ LTP_DEV: guestDevice.path, LTP_DEV_FS_TYPE: "ext4", UNMOUNTED: guestDevice.mounted },
  };
  const present = tools.filter((path) => existsSync(path));
  const { imagePath, manifest } = await buildSuite({
    ...{ mode, shares, programs: staged.programs, scratch },
    include: { [guestRoot]: staged.root, ...Object.fromEntries(present.map((path) => [path, path])) },
    env: environment(guestRoot, env),
  });
  return { imagePath, config: join(cacheDirectory(), "kernels", manifest.kernel.key, "config") };
}

function verdict({ status }) {
  if (status === "lost") return "lost";
  if (status === 0) return "PASS";
  // What timeout(1) ended, and what ended by a signal.
  if (status === 124 || status >= 128) return "time";
  return Object.keys(bits).find((name) => (status & bits[name]) !== 0) ?? "BROK";
}

function tables(verdicts, known) {
  return {
    "### Results by machine": summaryTable(verdicts),
    "### Where a test differs from the host": differencesTable(known),
  };
}

function summaryTable(verdicts) {
  const columns = ["PASS", "FAIL", "BROK", "WARN", "CONF", "time", "lost", "left out"];
  const rows = machines.map((where) => {
    const all = [...verdicts[where].values()];
    return [where, ...columns.map((wanted) => all.filter((one) => one === wanted).length)];
  });
  return formatTable(["machine", ...columns], rows);
}

/** Differences with one reason and one outcome are one row. */
function differencesTable(known) {
  const rows = new Map();
  for (const { name, mode, here, there, because } of known) {
    const key = JSON.stringify([here, there, because]);
    const row = rows.get(key) ?? { here, there, because, unikernel: new Set(), classic: new Set() };
    row[mode].add(name);
    rows.set(key, row);
  }
  const sorted = [...rows.values()].sort((left, right) => (left.because < right.because ? -1 : 1));
  return formatTable(
    ["host", "guest", "unikernel", "classic", "because", "for example"],
    sorted.map(({ here, there, because, unikernel, classic }) => [
      ...[here, there, unikernel.size, classic.size, because],
      [...new Set([...unikernel, ...classic])].slice(0, 3).join(", "),
    ]),
  );
}
