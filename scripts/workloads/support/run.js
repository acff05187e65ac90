// SPDX-License-Identifier: MIT
// Runs one workload under strace. Gives it free ports, a scratch directory that is removed, clients that are not
// traced, and a time limit for each step; ends what the workload left running, and nothing else.
import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { straceOptions } from "../../../dist/inspect/trace.js";
import { fetchSource } from "./source.js";
import { readTrace } from "./trace.js";

const stepLimitMs = 30_000;
const suiteLimitMs = 300_000;
const folder = fileURLToPath(new URL("../", import.meta.url));

/** Runs `workload` once; `marking` is the preloaded library, or undefined. Returns the calls seen. */
export async function runUnderStrace(workload, marking, sourceDirectory) {
  const scratch = mkdtempSync(join(tmpdir(), "inspect-workload-"));
  const binary = workload.markedBinary ?? workload.binary;
  const context = new Context(binary, scratch, marking, sourceDirectory);
  try {
    await workload.run(context);
    await context.end();
    return context.seen(new Set([realpathSync(binary)]));
  } finally {
    await context.end();
    rmSync(scratch, { recursive: true, force: true });
  }
}

class Context {
  #marking;
  #running = [];
  #sourceDirectory;
  #traceDirectory;

  constructor(binary, scratch, marking, sourceDirectory) {
    this.binary = binary;
    this.scratch = scratch;
    this.#marking = marking;
    this.#sourceDirectory = sourceDirectory;
    this.#traceDirectory = join(scratch, ".traces");
    mkdirSync(this.#traceDirectory);
  }

  /** Starts the program traced, and leaves it running. `stop` sends it a signal and waits. */
  start(args, { input = "", cwd = this.scratch, env = {}, argv0 = this.binary } = {}) {
    const traceFile = join(this.#traceDirectory, `${this.#running.length}`);
    const variables = { ...env, ...(this.#marking !== undefined && { LD_PRELOAD: this.#marking }) };
    const variableArgs = Object.entries(variables).flatMap(([name, value]) => ["-E", `${name}=${value}`]);
    const options = [...straceOptions(traceFile), ...variableArgs];
    const child = spawn("strace", [...options, argv0, ...args], { cwd });
    const process_ = { child, output: "", status: undefined, ended: undefined };
    process_.ended = new Promise((resolve) => {
      const end = (status) => {
        process_.status ??= status;
        resolve(process_);
      };
      child.on("error", (error) => end(error.message)); // strace is not there
      child.on("close", (code, signal) => end(signal ?? code));
    });
    child.stdout.on("data", (chunk) => {
      process_.output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      process_.output += chunk;
    });
    child.stdin.on("error", () => undefined); // a program may end before it has read everything
    child.stdin.end(input);
    this.#running.push(process_);
    return {
      pid: () => targetOf(child.pid),
      signal: (name) => process.kill(targetOf(child.pid), name),
      stop: async (name = "SIGTERM") => {
        process.kill(targetOf(child.pid), name);
        return this.#finish(process_);
      },
      ended: () => this.#finish(process_),
      output: () => process_.output,
    };
  }

  /** Runs the program traced, to its end. Other statuses than the expected ones are an error. */
  async trace(args, { expect = [0], ...options } = {}) {
    const ended = await this.start(args, options).ended();
    if (!expect.includes(ended.status))
      throw new Error(`${this.binary} ${args.join(" ")} ended with ${ended.status}:\n${ended.output}`);
    return ended.output;
  }

  /** A program that is the traced one wherever it is started, and does not trace what starts it. */
  get tracedProgram() {
    return join(folder, "support", "traced.sh");
  }

  /** Runs a test suite, which is not traced itself: it starts `tracedProgram` in place of the program. */
  suite(command, args, { env = {}, limitMs = suiteLimitMs, ...options } = {}) {
    const tracing = {
      TRACE_DIRECTORY: this.#traceDirectory,
      TRACE_OPTIONS: straceOptions("").slice(0, -2).join(" "),
      TRACE_TARGET: this.binary,
      TRACE_PRELOAD: this.#marking ?? "",
    };
    const all = { ...process.env, ...tracing, ...env };
    const limiting = ["--kill-after=5", `${limitMs / 1000}`]; // ends its children too
    const limit = { limitMs: limitMs + stepLimitMs };
    return this.client("timeout", [...limiting, command, ...args], { env: all, ...limit, ...options });
  }

  /** The unpacked upstream source of an installed package. */
  source(binaryPackage) {
    return fetchSource(this.#sourceDirectory, binaryPackage);
  }

  /** A file that belongs to a workload. */
  file(...path) {
    return join(folder, ...path);
  }

  /** Runs something else, not traced. */
  client(command, args, { expect = [0], limitMs = stepLimitMs, input = "", ...options } = {}) {
    return new Promise((resolve, reject) => {
      const limits = { timeout: limitMs, maxBuffer: 1 << 28 };
      const child = execFile(
        command,
        args,
        { cwd: this.scratch, ...limits, ...options },
        (error, stdout, stderr) => {
          const status = error === null ? 0 : error.code;
          if (expect.includes(status)) resolve(stdout);
          else
            reject(
              new Error(`${command} ${args.join(" ")} ended with ${error.signal ?? status}:\n${stderr}`),
            );
        },
      );
      child.stdin.on("error", () => undefined); // it may end before it has read everything
      child.stdin.end(input);
    });
  }

  freePort() {
    return new Promise((resolve, reject) => {
      const server = createServer().on("error", reject);
      server.listen(0, "127.0.0.1", () => {
        const { port } = server.address();
        server.close(() => resolve(port));
      });
    });
  }

  async waitForPort(port) {
    const deadline = Date.now() + stepLimitMs;
    while (!(await canConnect(port))) {
      if (Date.now() > deadline) throw new Error(`nothing listens on port ${port}:\n${this.#outputs()}`);
      await sleep(50);
    }
  }

  /** For what can only be waited for: a reload, a background save. */
  pause(timeMs) {
    return sleep(timeMs);
  }

  async end() {
    for (const pid of tracersInto(this.#traceDirectory)) endTraced(pid);
    const deadline = Date.now() + stepLimitMs;
    while (tracersInto(this.#traceDirectory).length > 0) {
      if (Date.now() > deadline) throw new Error(`${this.binary} does not end`);
      await sleep(50);
    }
  }

  seen(targets) {
    const union = { all: new Set(), main: new Set(), marked: false };
    for (const file of readdirSync(this.#traceDirectory)) {
      const seen = readTrace(join(this.#traceDirectory, file), (path) => targets.has(resolved(path)));
      for (const name of seen.all) union.all.add(name);
      for (const name of seen.main) union.main.add(name);
      union.marked ||= seen.marked;
    }
    return union;
  }

  async #finish(process_) {
    const limit = sleep(stepLimitMs, "late", { ref: false });
    if ((await Promise.race([process_.ended, limit])) === "late")
      throw new Error(`${this.binary} does not end:\n${process_.output}`);
    return process_;
  }

  #outputs() {
    return this.#running.map((process_) => process_.output).join("\n");
  }
}

function resolved(path) {
  try {
    return realpathSync(path);
  } catch {
    return path; // gone by now, or never there for us
  }
}

/** strace's child is the program. */
function targetOf(stracePid) {
  const children = readFileSync(`/proc/${stracePid}/task/${stracePid}/children`, "utf8").trim();
  if (children === "") throw new Error("the traced program has ended already");
  return Number(children.split(" ")[0]);
}

/** Every strace that writes to this directory, a suite's too. */
function tracersInto(directory) {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isTracerInto(name, directory));
}

function isTracerInto(pid, directory) {
  try {
    const [command, ...args] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return command === "strace" && args.some((arg) => arg.startsWith(`${directory}/`));
  } catch {
    return false; // it has ended meanwhile
  }
}

/** Ends the processes that this strace traces; strace ends with the last of them. */
function endTraced(stracePid) {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      if (status.includes(`\nTracerPid:\t${stracePid}\n`)) process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }
}

function canConnect(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
