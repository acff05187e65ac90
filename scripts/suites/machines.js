// SPDX-License-Identifier: MIT
// Runs a list of tests (run-list.sh) on this host and in guests of each mode. A machine that ends in the middle of a
// test is that test's result, and another machine goes on behind it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "../../dist/build.js";
import { configurationSchema } from "../../dist/config/schema.js";
import { run } from "../../dist/run.js";

const own = (name) => fileURLToPath(new URL(name, import.meta.url));
const [runner, here] = [own("run-list.sh"), own("here.sh")];
const guestList = (index) => `/suite/list-${index}`;
/** Not a place where the runner may be. */
const guestWork = "/mnt/suite";
/** What a kernel says when it is in trouble; of a process that ends by a signal it says so, too, which is none. */
const trouble =
  /Oops|BUG:|WARNING:|Call Trace|Kernel panic|general protection fault(?! ip)|double fault|stack guard page|corrupted|killed \w+ 0x|rcu: INFO|blocked for more than/;
/** From the last sign of life of a machine on: far more than any test may take. */
const silenceMs = 600_000;

/**
 * The image of a suite, for guests that share its tests: its programs, all in ring 0 in unikernel mode, its files, and a
 * list for each guest. shares: [[{ name, seconds, command }]]
 */
export async function buildSuite({ mode, shares, programs, include, scratch, env = {} }) {
  const lists = shares.map((tests, index) => {
    const list = join(scratch, `${mode}-list-${index}`);
    writeFileSync(list, listOf(tests));
    return [guestList(index), list];
  });
  const imagePath = join(scratch, `${mode}.elf`);
  const configuration = configurationSchema.parse({
    program: runner,
    mode,
    env,
    mask: { default: "none" },
    kernel: { base: "generic" },
    ring0: { programs },
    files: { include: { ...include, ...Object.fromEntries(lists) } },
  });
  const request = { configuration, output: imagePath, bzImage: false, onProgress: () => undefined };
  const { manifest } = await build(request);
  return { imagePath, manifest };
}

/** A directory for a run, which is gone when the script ends, by a signal as well. */
export function scratchDirectory(name) {
  const scratch = mkdtempSync(join(tmpdir(), `ukl-${name}-`));
  // Tests go there as other users, too.
  chmodSync(scratch, 0o755);
  // What is being ended may still write.
  const patience = { maxRetries: 10, retryDelay: 100 };
  process.once("exit", () => rmSync(scratch, { recursive: true, force: true, ...patience }));
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
  return scratch;
}

/** Runs tests in guests of one image, as many as it takes, and returns what their kernels said. */
export async function runInGuests({ imagePath, share = 0, tests, scratch, onResult, ...machine }) {
  const { memory, cpus, diskSizes = {}, include } = machine;
  const words = [];
  let done = 0;
  while (done < tests.length) {
    const reader = new Reader(tests.slice(done), onResult);
    const disks = freshDisks({ [guestWork]: "8G", ...diskSizes }, scratch);
    const console = [];
    const ending = new AbortController();
    const silence = setTimeout(() => ending.abort(new Error("the machine stands still")), silenceMs);
    try {
      const { exitStatus } = await run(
        {
          ...{ imagePath, memory, cpus, accelerator: "auto", env: {}, net: "none" },
          // Warnings as well.
          kernelArguments: ["loglevel=5"],
          ...(include === undefined ? {} : { include }),
          args: [guestList(share), String(done + 1), guestWork],
          attachments: { volumes: {}, disks },
        },
        {
          signal: ending.signal,
          onOutput: (chunk) => {
            silence.refresh();
            reader.take(chunk);
          },
          onErrors: (chunk) => reader.take(chunk),
          onConsole: (chunk) => console.push(Buffer.from(chunk)),
        },
      );
      if (reader.done < tests.length - done) reader.lose(`the runner ended with status ${exitStatus}`);
    } catch (error) {
      reader.lose(error.message);
    } finally {
      clearTimeout(silence);
      for (const { file } of Object.values(disks)) rmSync(file, { force: true });
    }
    done += reader.done;
    words.push(...wordsOf(console, reader.lost));
  }
  return words;
}

/** Of these sizes, by where they are mounted. */
function freshDisks(sizes, scratch) {
  const files = Object.entries(sizes).map(([target, size]) => {
    return [target, { file: join(scratch, `${crypto.randomUUID()}.img`), size }];
  });
  return Object.fromEntries(files);
}

/** The same on this host, in namespaces of its own, without what would reach beyond them. */
export async function runHere({ tests, scratch, env = {}, onResult }) {
  const list = join(scratch, "list-here");
  writeFileSync(list, listOf(tests));
  const reader = new Reader(tests, onResult);
  const spaces = ["--mount", "--pid", "--fork", "--mount-proc", "--uts", "--ipc", "--net", "--kill-child"];
  const without = "--bounding-set=-sys_time,-sys_boot,-sys_module";
  const inside = [here, "setpriv", without, runner, list, "1", join(scratch, "work")];
  const command = [...spaces, ...inside];
  const child = spawn("unshare", command, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  child.stdout.on("data", (chunk) => reader.take(chunk));
  // With unshare ends all that it has started, before the scratch directory goes.
  const end = () => child.kill("SIGKILL");
  process.prependOnceListener("exit", end);
  await once(child, "close");
  process.off("exit", end);
  if (reader.done < tests.length) throw new Error(`the host's run ended behind test ${reader.done}`);
  return [];
}

function listOf(tests) {
  return tests.map(({ name, seconds, command }) => `${name} ${seconds} ${command}\n`).join("");
}

/** The trouble on a console, each with what is around it. */
function wordsOf(chunks, lost) {
  const lines = Buffer.concat(chunks).toString("latin1").split(/\r?\n/);
  const found = lines.flatMap((line, index) => (trouble.test(line) ? [index] : []));
  if (found.length === 0) return [];
  return [
    `${lost ?? "the machine went on"}:\n${lines.slice(Math.max(0, found[0] - 3), found.at(-1) + 25).join("\n")}`,
  ];
}

/** Reads what run-list.sh writes. */
class Reader {
  lost;
  /** How many tests have ended. */
  done = 0;
  #rest = "";
  #name;
  #report = [];

  constructor(tests, onResult) {
    this.tests = tests;
    this.onResult = onResult;
  }

  take(chunk) {
    const lines = (this.#rest + Buffer.from(chunk).toString("latin1")).split("\n");
    this.#rest = lines.pop();
    for (const line of lines) this.#line(line);
  }

  #line(line) {
    const [word, name, status] = line.split(" ");
    if (word === "begin") {
      [this.#name, this.#report] = [name, []];
    } else if (word === "end" && name === this.#name) {
      this.#end(name, Number(status));
    } else if (line.length > 1) this.#report.push(line.slice(1));
  }

  #end(name, status) {
    this.done += 1;
    this.onResult(name, { status, report: this.#report.join("\n") });
    this.#name = undefined;
  }

  /** The machine is gone: the test that it was at has done it. */
  lose(why) {
    const name = this.#name ?? this.tests[this.done].name;
    this.lost = `${name}: ${why}`;
    this.#report.push(why);
    this.#end(name, "lost");
  }
}
