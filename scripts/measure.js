// SPDX-License-Identifier: MIT
// Measures hello and the start of redis-server, and writes docs/measurements.md. Both modes alternate, so that what
// else the machine does meets both alike; each figure is the median of the rounds.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { firstAnswer } from "../dist/bench/requests.js";
import { freePort } from "../dist/host/ports.js";
import { run } from "../dist/run.js";

const ukl = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const hello = fileURLToPath(new URL("../fixtures/hello/hello.c", import.meta.url));
const rounds = 9;
const modes = ["unikernel", "classic"];
const scratch = mkdtempSync(join(tmpdir(), "ukl-measure-"));

try {
  for (const mode of modes) {
    build(mode, ["--bzimage"]); // kernels and stubs are cached from here on
    buildRedis(mode);
  }
  const samples = { unikernel: [], classic: [] };
  for (let round = 0; round < rounds; round++) {
    for (const mode of modes) {
      const begin = performance.now();
      const { timingsMs } = build(mode, []);
      const wallMs = performance.now() - begin;
      const booted = await run(
        { imagePath: imageOf(mode), accelerator: "tcg", env: {} },
        { timeoutMs: 60_000, onOutput: () => undefined },
      );
      samples[mode].push({
        wallMs,
        ...timingsMs,
        startMs: booted.timingsMs.start,
        endMs: booted.timingsMs.total,
        answerMs: await timeFirstAnswer(mode),
      });
    }
  }
  const row = (what, value) => `| ${what} | ${modes.map(value).join(" | ")} |\n`;
  const medianMs = (name) => (mode) =>
    `${Math.round(median(samples[mode].map((sample) => sample[name])))} ms`;
  const size = (extension) => (mode) => {
    return `${(statSync(imageOf(mode).replace(/\.elf$/, extension)).size / 1024 ** 2).toFixed(2)} MiB`;
  };
  const text = `# Measurements

Of \`fixtures/hello/hello.c\`, static glibc, written by \`npm run measure\`: the median of ${rounds} rounds in which the modes
alternate, on ${cpus().length} cores (${cpus()[0].model.trim()}), QEMU with TCG. Ratios count, not absolutes.

| what | unikernel | classic |
| --- | --- | --- |
${row("warm build, the command from start to end", medianMs("wallMs"))}${row("of which compiling and linking the application", medianMs("application"))}${row("of which laying out and linking the image", medianMs("image"))}${row("from the start of QEMU to the start of the program", medianMs("startMs"))}${row("from the start of QEMU to its end", medianMs("endMs"))}${row("image", size(".elf"))}${row("bzImage", size(".bzimage"))}
Of Debian's \`redis-server\`, with the generic kernel:

| what | unikernel | classic |
| --- | --- | --- |
${row("from the start of `ukl run IMAGE -p PORT` to the first answer to a client", medianMs("answerMs"))}`;
  writeFileSync(new URL("../docs/measurements.md", import.meta.url), text);
  process.stdout.write(text);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function imageOf(mode) {
  return join(scratch, `${mode}.elf`);
}

function build(mode, extra) {
  const args = [ukl, "build", hello, "--mode", mode, "-o", imageOf(mode), "--json", ...extra];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
}

function redisOf(mode) {
  return join(scratch, `redis-${mode}.elf`);
}

function buildRedis(mode) {
  const options = ["--mode", mode, "--kernel", "generic", "-o", redisOf(mode)];
  const args = ["build", "redis-server", ...options, "--", "--save", "", "--protected-mode", "no"];
  execFileSync(process.execPath, [ukl, ...args], { stdio: ["ignore", "ignore", "inherit"] });
}

/** As a user would see it: with Node's start, and that of the network. */
async function timeFirstAnswer(mode) {
  const port = await freePort();
  const args = [ukl, "run", redisOf(mode), "-p", `127.0.0.1:${port}:6379`];
  const begin = performance.now();
  const guest = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  try {
    await firstAnswer(port, { request: "PING\r\n", answer: /^\+PONG\r\n$/ }, AbortSignal.timeout(60_000));
    return performance.now() - begin;
  } finally {
    guest.kill("SIGTERM");
    if (guest.exitCode === null) await once(guest, "close");
  }
}

function median(values) {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)];
}
