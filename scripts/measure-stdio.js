// SPDX-License-Identifier: MIT
// Measures how fast bytes pass through the standard streams of a guest's program, each way and both, and whether they
// arrive as they were: 64 MiB of every value. Beside it the same through a pipe of this host. With --write the table goes
// into docs/stdio.md. Times are from the start of the program to its end, so that boots do not count.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { build } from "../dist/build.js";
import { configurationSchema } from "../dist/config/schema.js";
import { run } from "../dist/run.js";
import { writeBelow } from "./measure/modes.js";

const document = new URL("../docs/stdio.md", import.meta.url);
const sizeBytes = 64 * 2 ** 20;
const runs = 3;
/** Bytes of every value, in no order that a buffer's size would hide. */
const block = Buffer.from(Array.from({ length: 65_521 }, (_, index) => (index * 31 + (index >> 8)) & 0xff));

const ways = {
  "to the program": { program: "/usr/bin/wc", args: ["-c"], input: sizeBytes },
  "from the program": {
    program: "/usr/bin/dd",
    args: ["if=/dev/zero", "bs=64k", `count=${sizeBytes / 65_536}`, "status=none"],
    input: 0,
  },
  "there and back": { program: "/usr/bin/cat", args: [], input: sizeBytes },
};

const scratch = mkdtempSync(join(tmpdir(), "ukl-stdio-"));
try {
  const rows = [];
  for (const [way, { program, args, input }] of Object.entries(ways)) {
    for (const mode of ["unikernel", "classic"]) {
      const imagePath = join(scratch, "image.elf");
      const configuration = configurationSchema.parse({ program, args, mode, kernel: { base: "generic" } });
      await build({ configuration, output: imagePath, bzImage: false, onProgress: () => undefined });
      const rates = [];
      for (let index = 0; index < runs; index++) rates.push(await rateOf(imagePath, way, input));
      rates.sort((left, right) => left - right);
      rows.push(`| ${way} | ${mode} | ${rates.map((rate) => rate.toFixed(1)).join(", ")} |`);
    }
  }
  const head = ["| bytes go | mode | MB/s, slowest first |", "| --- | --- | --- |"];
  const table = `${[...head, ...rows].join("\n")}\n`;
  process.stdout.write(table);
  if (process.argv.includes("--write")) writeBelow(document, "## How fast", table);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function rateOf(imagePath, way, inputBytes) {
  const sent = createHash("sha256");
  const got = createHash("sha256");
  let gotBytes = 0;
  const { exitStatus, timingsMs } = await run(
    { imagePath, accelerator: "auto", env: {}, net: "none" },
    {
      timeoutMs: 600_000,
      stdin: Readable.from(blocks(inputBytes, sent)),
      onOutput: (chunk) => {
        gotBytes += chunk.length;
        got.update(chunk);
      },
    },
  );
  if (exitStatus !== 0) throw new Error(`the program ended with ${exitStatus}`);
  if (way === "there and back" && got.digest("hex") !== sent.digest("hex")) throw new Error("bytes differ");
  if (way === "from the program" && gotBytes !== sizeBytes) throw new Error(`${gotBytes} bytes came`);
  return sizeBytes / 1e6 / ((timingsMs.total - timingsMs.start) / 1000);
}

function* blocks(totalBytes, digest) {
  for (let left = totalBytes; left > 0; left -= block.length) {
    const piece = block.subarray(0, left);
    digest.update(piece);
    yield piece;
  }
}
