// SPDX-License-Identifier: MIT
/** A run in a terminal: the guest's program has one too, and what is typed at ours is typed at its. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { cliPath, ukl } from "../support/cli.js";
import { modes } from "../support/harness.js";
import { testLimit } from "../support/patience.js";

const driver = fileURLToPath(new URL("../support/terminal.py", import.meta.url));
const source = fileURLToPath(new URL("stdio-program.c", import.meta.url));
vi.setConfig({ testTimeout: testLimit(180_000) });

type Step = { readonly wait: string } | { readonly type: string } | { readonly resize: readonly number[] };

let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "ukl-terminal-"));
  execFileSync("gcc", ["-static", "-O2", "-w", "-o", join(scratch, "program"), source]);
  for (const mode of modes) {
    for (const [name, target] of Object.entries({ bash: "bash", program: join(scratch, "program") })) {
      const words = ["--kernel", "generic", "--mode", mode, "-o", `${name}-${mode}.elf`];
      const files = ["stty", "sleep", "cat"].flatMap((tool) => [
        "--include",
        `/usr/bin/${tool}=/usr/bin/${tool}`,
      ]);
      const { exitStatus } = await ukl(["build", target, ...words, ...(name === "bash" ? files : [])], {
        cwd: scratch,
      });
      expect(exitStatus).toBe(0);
    }
  }
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function inTerminal(command: readonly string[], steps: readonly Step[]) {
  const child = spawn("python3", [driver, JSON.stringify(steps), ...command], { cwd: scratch });
  const [shown, [status]] = await Promise.all([text(child.stdout), once(child, "close")]);
  return { status, shown };
}

const run = (image: string, ...flags: string[]) => [process.execPath, cliPath, "run", image, ...flags];

describe.each(modes)("in %s mode", (mode) => {
  const inGuest = (words: readonly string[]) =>
    inTerminal([...run(`program-${mode}.elf`, "--"), ...words], []);
  const onHost = (words: readonly string[]) => inTerminal([join(scratch, "program"), ...words], []);

  test("all three are terminals, and each that is not one here is none there", async () => {
    expect(await inGuest(["kinds"])).toEqual(await onHost(["kinds"]));
    const guest = run(`program-${mode}.elf`, "--").join(" ");
    const host = join(scratch, "program");
    for (const rest of [
      "kinds | cat",
      "kinds 2>&1 | cat",
      "kinds < <(true)",
      "kinds 2> >(cat > /dev/null)",
    ]) {
      const shell = (program: string) => inTerminal(["bash", "-c", `true; ${program} ${rest}`], []);
      const [there, here] = [await shell(guest), await shell(host)];
      expect(there.shown.replaceAll("\r", "")).toBe(here.shown.replaceAll("\r", ""));
    }
  });

  test("-T makes pipes of them, and -t terminals of pipes", async () => {
    const piped = await inTerminal([...run(`program-${mode}.elf`, "-T"), "--", "kinds"], []);
    expect(piped.shown).toContain("0 tty 0 fifo 1\r\n1 tty 0 fifo 1\r\n2 tty 0 fifo 1\r\n");
    const { stdout } = await ukl(["run", `program-${mode}.elf`, "-t", "--", "kinds"], { cwd: scratch });
    expect(stdout).toBe("0 tty 1 fifo 0\r\n1 tty 1 fifo 0\r\n2 tty 1 fifo 0\r\n");
  });

  // bash itself would note a signal that comes between its own echo and exec, and lose it.
  const job = "sh -c 'echo ready; exec sleep 1000'";

  test("a shell has job control, the terminal's size, and Ctrl-C for what runs in front", async () => {
    const steps: Step[] = [
      { wait: "\\$ $|# $" },
      { type: "stty size; echo TERM=$TERM\r" },
      { wait: "30 100\r\n" },
      { resize: [40, 120] },
      { type: `${job}\r` },
      { wait: "\rready\r\n" },
      { type: "\u0003" },
      { wait: "\\^C" },
      { type: "echo status $?; stty size\r" },
      { wait: "status 130\r\n40 120\r\n" },
      { type: `${job}\r` },
      { wait: "\rready\r\n" },
      { type: "\u001a" },
      { wait: "Stopped" },
      // bash tells of the job's end before a prompt, and does not exit while it knows a stopped one.
      { type: "kill -9 %1; sleep 1\r" },
      { wait: "Killed" },
      { type: "exit 5\r" },
    ];
    const { status, shown } = await inTerminal(run(`bash-${mode}.elf`, "--", "--norc", "-i"), steps);
    expect(shown).not.toContain("no job control");
    expect({ status, shown }).toMatchObject({ status: 5 });
  });

  test("Ctrl-] three times ends the machine", async () => {
    const steps: Step[] = [{ wait: "\\$ $|# $" }, { type: "\u001d\u001d\u001d" }];
    expect(await inTerminal(run(`bash-${mode}.elf`, "--", "--norc", "-i"), steps)).toMatchObject({
      status: 143,
    });
  });
});
