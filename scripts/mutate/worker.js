// SPDX-License-Identifier: MIT
// Inspects one damaged file after the other, as mutate-inspect.js asks for them, and answers how each went.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UklError } from "../../dist/errors.js";
import { inspect } from "../../dist/inspect/inspect.js";
import { damagedFile, readBases } from "./bases.js";

const [directory, seed] = process.argv.slice(2);
const bases = readBases(directory);
mkdirSync(join(directory, "damaged"), { recursive: true });

process.on("message", async (index) => {
  const { name, bytes, inspected } = damagedFile(bases, Number(seed), index);
  const file = join(directory, "damaged", name);
  writeFileSync(file, bytes);
  const start = process.cpuUsage();
  const outcome = await outcomeOf(inspected ?? file);
  // Processor time: other work on the machine does not count.
  const { user, system } = process.cpuUsage(start);
  const highestBytes = process.resourceUsage().maxRSS * 1024;
  process.send({ index, name, outcome, timeMs: Math.round((user + system) / 1000), highestBytes });
});

async function outcomeOf(path) {
  try {
    const mode = "precise";
    JSON.stringify(await inspect({ path, mode }));
    return "report";
  } catch (error) {
    return error instanceof UklError && error.code !== "UKL-901"
      ? error.code
      : { crash: String(error?.stack ?? error) };
  }
}
