// SPDX-License-Identifier: MIT
// sshd, with and without PAM: check of the configuration, one login that runs `true`. And the other side: ssh and
// ssh-keygen.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";

/** sshd refuses to start without it; a running service has made it. */
const separationDirectory = "/run/sshd";

export const workloads = [
  { name: "sshd", binary: "/usr/sbin/sshd", run: (context) => runServer(context, "no") },
  { name: "sshd-pam", binary: "/usr/sbin/sshd", run: (context) => runServer(context, "yes") },
  { name: "ssh", binary: "/usr/bin/ssh", run: runClient },
  { name: "ssh-keygen", binary: "/usr/bin/ssh-keygen", run: runKeygen },
];

async function runServer(context, usePam) {
  await withSeparationDirectory(async () => {
    const { port, configuration, login } = await prepare(context, usePam);
    await context.trace(["-t", "-f", configuration]);
    const server = context.start(["-D", "-e", "-f", configuration]);
    await context.waitForPort(port);
    await context.client("ssh", [...login, "true"]);
    await context.client("ssh", [...login, "false"], { expect: [1] });
    await server.stop("SIGTERM");
  });
}

async function runClient(context) {
  await withSeparationDirectory(async () => {
    const { port, configuration, login } = await prepare(context, "no");
    const server = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", configuration], { stdio: "ignore" });
    try {
      await context.waitForPort(port);
      await context.trace([...login, "true"]);
      await context.trace([...login, "cat"], { input: "x".repeat(100_000) });
      await context.trace(["-V"]);
    } finally {
      server.kill("SIGTERM");
    }
  });
}

async function runKeygen(context) {
  for (const type of ["ed25519", "rsa", "ecdsa"])
    await context.trace(["-q", "-t", type, "-N", "", "-f", join(context.scratch, type)]);
  await context.trace(["-l", "-f", join(context.scratch, "rsa.pub")]);
  await context.trace(["-y", "-f", join(context.scratch, "ed25519")]);
}

async function prepare(context, usePam) {
  const port = await context.freePort();
  const file = (name) => join(context.scratch, name);
  for (const name of ["host", "user"])
    await context.client("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file(name)]);
  const configuration = file("sshd_config");
  writeFileSync(
    configuration,
    `ListenAddress 127.0.0.1:${port}
HostKey ${file("host")}
PidFile ${file("sshd.pid")}
AuthorizedKeysFile ${file("user.pub")}
PasswordAuthentication no
PermitRootLogin yes
StrictModes no
UsePAM ${usePam}
`,
  );
  const options = { StrictHostKeyChecking: "no", UserKnownHostsFile: file("known"), BatchMode: "yes" };
  const optionArgs = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const address = ["-p", `${port}`, `${userInfo().username}@127.0.0.1`];
  return { port, configuration, login: ["-F", "none", "-i", file("user"), ...optionArgs, ...address] };
}

async function withSeparationDirectory(use) {
  const isOurs = !existsSync(separationDirectory);
  if (isOurs) mkdirSync(separationDirectory, { mode: 0o755 });
  try {
    await use();
  } finally {
    if (isOurs) rmdirSync(separationDirectory);
  }
}
