// SPDX-License-Identifier: MIT
// What guests do with variants: many of them in one boot, and some as images of their own.
import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeDriver, packBytes, readAnswers } from "./host.js";

const cli = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const modes = ["unikernel", "classic"];
const bootMs = 15 * 60_000;
const mostPackBytes = 60 << 20;

/** All of `judged` by one driver, in packs; returns each with what the guest did with it. */
export function runInGuests(mode, judged, directory) {
  const driver = makeDriver(directory);
  return packsOf(judged).flatMap((pack) => {
    const path = join(directory, "pack");
    writeFileSync(path, packBytes(pack.map(({ variant }) => variant.bytes)));
    const image = join(directory, "driver.img");
    const options = ["--kernel", "generic", "--mode", mode, "--mask", "none", "-m", "768M"];
    ukl(["build", driver, "-o", image, ...options, "--include", `/pack=${path}`]);
    const { stdout, status } = run(image);
    const answers = readAnswers(stdout, pack.length, status);
    return pack.map((each, index) => [each, answers[index]]);
  });
}

/** Each as an image of its own, in both modes; `problem` is undefined where both run as here. */
export function bootImages(judged, directory) {
  return judged.map(({ variant }) => {
    const path = join(directory, variant.name);
    writeFileSync(path, variant.bytes, { mode: 0o755 });
    const problems = modes.flatMap((mode) => {
      const image = `${path}.img`;
      try {
        ukl(["build", path, "-o", image, "--kernel", "generic", "--mode", mode]);
      } catch (error) {
        return [`is not built: ${error.stderr ?? error}`];
      }
      const { stdout, status } = spawnSync(process.execPath, [cli, "run", image], {
        encoding: "latin1",
        timeout: bootMs,
      });
      return status === 7 && stdout.includes("started")
        ? []
        : [`status ${status} as an image in ${mode}: ${stdout}`];
    });
    return { variant, problem: problems[0] };
  });
}

function run(image) {
  const options = /** @type {const} */ ({ encoding: "latin1", timeout: bootMs, maxBuffer: 1 << 26 });
  return spawnSync(process.execPath, [cli, "run", image], options);
}

function ukl(args) {
  execFileSync(process.execPath, [cli, ...args], { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
}

function packsOf(judged) {
  const packs = [[]];
  let sizeBytes = 0;
  for (const each of judged) {
    sizeBytes += each.variant.bytes.length;
    if (sizeBytes > mostPackBytes) {
      packs.push([]);
      sizeBytes = each.variant.bytes.length;
    }
    packs.at(-1)?.push(each);
  }
  return packs.filter((pack) => pack.length > 0);
}
