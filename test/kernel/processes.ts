// SPDX-License-Identifier: MIT
/**
 * Other processes that use the project's own modules, for what only they can show: locks between processes, and
 * what is left when one is killed. Node runs no TypeScript, so the modules are translated, one by one, first.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import ts from "typescript";
import { afterAll } from "vitest";
import { packageFile } from "../../src/host/places.js";

interface OtherProcess {
  readonly child: ChildProcess;
  /** Resolves with the next line that the process prints; rejects when it ends without one. */
  line(): Promise<string>;
  /** Resolves once the process is gone. */
  readonly ended: Promise<void>;
}

export interface Processes {
  /** Also for the tests' own files; removed after the tests of the file. */
  readonly directory: string;
  /** Runs an ES module, which finds the project's modules under "./src/", such as "./src/host/lock.js". */
  start(script: string): OtherProcess;
}

const modules = [
  "errors.ts",
  "json.ts",
  "kernel/cache.ts",
  ...readdirSync(packageFile("src", "host")).map((name) => `host/${name}`),
];

export function openProcesses(): Processes {
  const directory = mkdtempSync(join(tmpdir(), "ukl-process-test-"));
  const running: ChildProcess[] = [];
  afterAll(() => {
    for (const child of running) child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  });
  for (const name of modules) {
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    const { outputText } = ts.transpileModule(readFileSync(packageFile("src", name), "utf8"), {
      compilerOptions,
    });
    const path = join(directory, "src", name.replace(/\.ts$/, ".js"));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, outputText);
  }
  symlinkSync(packageFile("node_modules"), join(directory, "node_modules"));
  writeFileSync(join(directory, "package.json"), '{ "type": "module" }');

  let count = 0;
  const start = (script: string): OtherProcess => {
    count += 1;
    const path = join(directory, `process-${count}.js`);
    writeFileSync(path, script);
    const child = spawn(process.execPath, [path], { stdio: ["ignore", "pipe", "inherit"] });
    running.push(child);
    return {
      child,
      line: readLines(child),
      ended: new Promise((resolve) => child.once("exit", () => resolve())),
    };
  };
  return { directory, start };
}

function readLines(child: ChildProcess): () => Promise<string> {
  let text = "";
  let over = false;
  let wake: () => void = () => undefined;
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    wake();
  });
  child.once("close", () => {
    over = true;
    wake();
  });
  return async () => {
    while (!text.includes("\n")) {
      if (over) throw new Error(`the process ended without a line; it printed '${text}'`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const end = text.indexOf("\n");
    const line = text.slice(0, end);
    text = text.slice(end + 1);
    return line;
  };
}
