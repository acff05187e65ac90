// SPDX-License-Identifier: MIT
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { commandOf, planOf, refusal, workshop } from "../support/projects.js";
import { onlyPrograms } from "../support/stand-ins.js";

const { make, dispose } = workshop();
afterAll(dispose);

const busybox = (applet: string) => ({
  busybox: `test "$1" = --list && echo ${applet} || echo 'BusyBox v1.35.0 (Debian)'`,
});
const python = { python3: "test \"$1\" = --version && echo Python 3.11.2 || echo 'it is there'" };

test.each<[what: string, programs: Record<string, string>, program: string, command: string[]]>([
  [
    "busybox",
    { ...busybox("httpd"), ...python, darkhttpd: "" },
    "busybox",
    ["httpd", "-f", "-p", "8000", "-h", "."],
  ],
  ["darkhttpd", { ...busybox("sh"), ...python, darkhttpd: "" }, "darkhttpd", [".", "--port", "8000"]],
  ["Python", { ...busybox("sh"), ...python }, "python3", ["-m", "http.server", "8000", "--directory", "."]],
])("a site is served by %s", async (_, programs, program, command) => {
  const path = onlyPrograms(programs);
  const directory = make({ "index.html": "", "a/b.css": "", ".git/config": "" });
  expect(await commandOf(directory)).toEqual(command);
  const plan = await planOf(directory);
  expect([plan.program, plan.ports]).toEqual([join(path, program), [8000]]);
  expect(plan.files.flatMap(({ paths }) => paths)).toEqual(
    ["a", "index.html"].map((name) => join(directory, name)),
  );
});

test("what says how it is started is no site", async () => {
  onlyPrograms(busybox("httpd"));
  expect((await planOf(make({ "index.html": "", "index.js": "" })).catch(() => undefined))?.kind).not.toBe(
    "static",
  );
});

test("a machine without a server", async () => {
  onlyPrograms({});
  const [code, , fix] = await refusal(make({ "index.html": "" }));
  expect([code, fix]).toEqual(["UKL-242", "install one, for example by 'apt-get install darkhttpd'"]);
});
