// SPDX-License-Identifier: MIT
// What a kernel and a loader do with files: a driver executes them one by one, on this host as in a guest.
import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * "runs" is the whole program; "refused" what execve(2) answers with an error; all else is "fails", such as a program
 * that is killed before or after its first instruction.
 *
 * @typedef {{ readonly outcome: "runs" | "refused" | "fails", readonly status: number | string }} Execution
 */

const refused = 126;
const complete = 7;
const mostMs = 30 * 60_000;

/**
 * Dynamic, so that a guest that has it has the loader and the C library too.
 *
 * @param {string} directory
 * @returns {string}
 */
export function makeDriver(directory) {
  const driver = join(directory, "driver");
  const source = fileURLToPath(new URL("driver.c", import.meta.url));
  execFileSync("gcc", ["-O1", "-o", driver, source]);
  return driver;
}

/**
 * @param {readonly Uint8Array[]} files
 * @param {string} directory
 * @returns {readonly Execution[]}
 */
export function executeHere(files, directory) {
  const driver = makeDriver(directory);
  const pack = join(directory, "pack");
  writeFileSync(pack, packBytes(files));
  const args = [pack, join(directory, "executed")];
  const { stdout, status } = spawnSync(driver, args, {
    encoding: "latin1",
    timeout: mostMs,
    maxBuffer: 1 << 26,
  });
  return readAnswers(stdout, files.length, status);
}

/**
 * @param {string} text
 * @param {number} count
 * @param {number | null} end the status of the driver
 * @returns {readonly Execution[]}
 */
export function readAnswers(text, count, end) {
  const lines = [...text.matchAll(/^(\d+) (\d+) ([01])\r?$/gm)].map((match) => match.slice(1).map(Number));
  const answers = new Map(
    lines.map(([index, status, started]) => [index, executionOf(status ?? 0, started === 1)]),
  );
  const none = /** @type {const} */ ({ outcome: "fails", status: `none: the driver ended with ${end}` });
  return Array.from({ length: count }, (_, index) => answers.get(index) ?? none);
}

/**
 * @param {number} status
 * @param {boolean} started
 * @returns {Execution}
 */
function executionOf(status, started) {
  if (status === complete && started) return { outcome: "runs", status };
  return { outcome: status === refused && !started ? "refused" : "fails", status };
}

/**
 * @param {readonly Uint8Array[]} files
 * @returns {Buffer}
 */
export function packBytes(files) {
  const word = (/** @type {number} */ value) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return bytes;
  };
  return Buffer.concat([word(files.length), ...files.flatMap((bytes) => [word(bytes.length), bytes])]);
}
