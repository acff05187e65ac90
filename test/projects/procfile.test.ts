// SPDX-License-Identifier: MIT
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { commandOf, planOf, refusal, workshop } from "../support/projects.js";
import { onlyPrograms } from "../support/stand-ins.js";

const { make, dispose } = workshop();
afterAll(dispose);

test("the web process is started, on the port that it is told", async () => {
  const programs = onlyPrograms({ perl: "echo 5.36.0" });
  const directory = make({
    Procfile: `release: ./migrate\nweb: MODE=live perl 'my app.pl' -p $PORT --bind=0.0.0.0:\${PORT:-5000}\nworker: perl w.pl\n`,
    "my app.pl": "",
  });
  expect(await commandOf(directory)).toEqual(["my app.pl", "-p", "8000", "--bind=0.0.0.0:8000"]);
  const { program, environment, ports, files, notUnderstood } = await planOf(directory);
  expect(program).toBe(join(programs, "perl"));
  expect(environment).toEqual({ PORT: "8000", MODE: "live" });
  expect(ports).toEqual([8000]);
  expect(files.flatMap(({ paths }) => paths)).toEqual(
    ["Procfile", "my app.pl"].map((name) => join(directory, name)),
  );
  expect(notUnderstood).toEqual([
    "the process release of Procfile, which is not started",
    "the process worker of Procfile, which is not started",
  ]);
});

test.each([
  ["./serve now", "serve"],
  ["bin/serve now", "bin/serve"],
  ["serve now", "node_modules/.bin/serve"],
])("a program of the project: %s", async (command, path) => {
  onlyPrograms({});
  const directory = make({ Procfile: `web: ${command}\n`, [path]: "" });
  const { program, args } = await planOf(directory);
  expect([program, args]).toEqual([join(directory, path), ["now"]]);
});

test("without a web process the only one is started, and several are several ways", async () => {
  onlyPrograms({});
  const bot = make({ Procfile: "bot: ./bot\n", bot: "" });
  expect((await planOf(bot)).ports).toEqual([]);
  expect((await refusal(make({ Procfile: "a: ./x\nb: ./x\n", x: "" })))[0]).toBe("UKL-241");
});

test.each(["npm start", "yarn run start", "node x.js"])(
  "what package.json says too is left to Node: %s",
  async (command) => {
    const script = JSON.stringify({ scripts: { start: "node x.js" } });
    const directory = make({ Procfile: `web: ${command}\n`, "package.json": script, "x.js": "", "y.js": "" });
    expect((await planOf(directory)).kind).toBe("node");
    const other = make({ Procfile: "web: node y.js\n", "package.json": script, "x.js": "", "y.js": "" });
    expect((await refusal(other))[0]).toBe("UKL-241");
  },
);

test.each([
  ["cd app && ./serve", /only a shell can execute it: cd app && /],
  ["./serve $HOME", /only a shell can execute it/],
  ["./absent", /Procfile starts \.\/absent, which is neither in the project nor on this machine/],
  ["/nowhere/serve", /Procfile starts \/nowhere\/serve, /],
])("what cannot be started: %s", async (command, cause) => {
  onlyPrograms({});
  const [code, found, fix] = await refusal(make({ Procfile: `web: ${command}\n`, serve: "" }));
  expect([code, found]).toEqual(["UKL-242", expect.stringMatching(cause)]);
  expect(fix).toContain("ukl init");
});
