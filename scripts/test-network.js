// SPDX-License-Identifier: MIT
// Runs test/network: real servers and clients over each network that leads to a guest. passt is that of Debian 12 and
// that of Debian 13, whatever is installed, each with the C library that it was built for. With --write what became of
// each becomes docs/network.md; --idle N is how many seconds the idle connection is silent; words are names of test files.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { sourceLines, sourcesFor } from "./hosts/apt.js";
import { install } from "./packages.js";

const own = (path) => fileURLToPath(new URL(path, import.meta.url));
const modes = ["unikernel", "classic"];
const networks = ["passt 12", "passt 13", "user"];
const suites = ["bookworm", "trixie"];
const packages = [
  ...[
    "openssh-client",
    "openssh-server",
    "mariadb-client-core",
    "mariadb-server-core",
    "python3-pyftpdlib",
    "curl",
  ],
  ...["exim4-daemon-light", "dovecot-imapd", "dnsmasq-base", "bind9-dnsutils", "openssl", "patchelf"],
];
const { values: flags, positionals: files } = parseArgs({
  options: { write: { type: "boolean", default: false }, idle: { type: "string", default: "20" } },
  allowPositionals: true,
});

install(packages);
for (const suite of suites) if (!existsSync(own(`../test-results/passt/${suite}/passt`))) fetchPasst(suite);
if (files.length === 0) rmSync(own("../test-results/network"), { recursive: true, force: true });
const { status } = spawnSync("npx", ["vitest", "run", "--project", "network", ...files], {
  cwd: own(".."),
  stdio: "inherit",
  env: { ...process.env, UKL_TEST_IDLE_SECONDS: flags.idle },
});
process.exitCode = status ?? 1;
if (flags.write) writeFileSync(own("../docs/network.md"), page());

/** By apt, which checks signatures, with lists of its own. */
function fetchPasst(suite) {
  const place = own(`../test-results/passt/${suite}`);
  const root = join(place, "root");
  rmSync(place, { recursive: true, force: true });
  for (const name of ["lists/partial", "cache/archives/partial", "root"])
    mkdirSync(join(place, name), { recursive: true });
  writeFileSync(join(place, "sources.list"), sourceLines(sourcesFor(suite)).join(""));
  const options = [
    ...[
      `Dir::State::Lists=${place}/lists`,
      `Dir::Cache=${place}/cache`,
      `Dir::Etc::SourceList=${place}/sources.list`,
    ],
    ...[
      "Dir::Etc::SourceParts=/dev/null",
      "Acquire::Languages=none",
      `APT::Sandbox::User=${process.env.USER ?? "root"}`,
    ],
  ].flatMap((option) => ["-o", option]);
  const apt = (...words) =>
    execFileSync("apt-get", [...options, ...words], { cwd: place, stdio: ["ignore", "ignore", "inherit"] });
  apt("update");
  apt("download", `passt/${suite}`, `libc6/${suite}`);
  for (const name of readdirSync(place).filter((one) => one.endsWith(".deb"))) {
    execFileSync("dpkg-deb", ["-x", join(place, name), root]);
  }
  const library = [`${root}/usr/lib/x86_64-linux-gnu`, `${root}/lib/x86_64-linux-gnu`].find((path) =>
    existsSync(`${path}/libc.so.6`),
  );
  const program = [
    `exec ${library}/ld-linux-x86-64.so.2 --library-path ${library}`,
    `${root}/usr/bin/passt "$@"`,
  ];
  writeFileSync(join(place, "passt"), `#!/bin/sh\n${program.join(" ")}\n`, { mode: 0o755 });
}

function page() {
  const rows = new Map();
  for (const name of readdirSync(own("../test-results/network")).sort()) {
    const result = JSON.parse(readFileSync(own(`../test-results/network/${name}`), "utf8"));
    const row = rows.get(result.name) ?? { does: result.does };
    row[`${result.network} ${result.mode}`] = result.passed ? "works" : "fails";
    rows.set(result.name, row);
  }
  const header = ["", "what it does", ...networks];
  const lines = [...rows].map(([name, row]) => [
    ...[name, row.does],
    ...networks.map((network) => modes.map((mode) => row[`${network} ${mode}`] ?? "–").join(" / ")),
  ]);
  return `# Networks

What real servers in a guest, and real clients of them, do over each network that leads to it: passt of Debian 12, passt
of Debian 13, and QEMU's user network, each in unikernel mode / classic mode. A dash is what was not run, or the network does not offer:
QEMU's user network leads to a guest over IPv4 alone, and out of it as the host's own IPv6 does. Over passt a
client whom no listener takes within 127 seconds is reset ([why](decisions.md)). Written by
\`npm run test:network -- --write\`, from what the tests saw.

${[header, header.map(() => "---"), ...lines].map((line) => `| ${line.join(" | ")} |\n`).join("")}`;
}
