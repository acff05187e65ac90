// SPDX-License-Identifier: MIT
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { commandOf, planOf, refusal, workshop } from "../support/projects.js";
import { onlyPrograms } from "../support/stand-ins.js";

const { make, dispose } = workshop();
afterAll(dispose);

const perl = (paths = "") => ({
  perl: `test "$1" = --version && echo 'This is perl 5, version 36 (v5.36.0)' || echo "${paths}"`,
});

test.each(["starman", "plackup"])("app.psgi is served by %s", async (server) => {
  const programs = onlyPrograms({ ...perl(), plackup: "", ...{ [server]: "" } });
  const directory = make({ "app.psgi": "", "app.pl": "" });
  const path = join(programs, server);
  expect(await commandOf(directory)).toEqual([path, "--port", "5000", "./app.psgi"]);
  const { files, ports } = await planOf(directory);
  expect(ports).toEqual([5000]);
  expect(files.flatMap(({ paths }) => paths)).toContain(path);
});

test("a script of Mojolicious::Lite starts its server", async () => {
  onlyPrograms(perl());
  const directory = make({ "app.pl": "use strict;\nuse Mojolicious::Lite -signatures;\napp->start;\n" });
  expect(await commandOf(directory)).toEqual(["./app.pl", "daemon", "-l", "http://*:3000"]);
  expect((await planOf(directory)).ports).toEqual([3000]);
});

test("a script finds the modules of its project and of the machine", async () => {
  const modules = make({ "Foo/Bar.pm": "" });
  onlyPrograms(perl(modules));
  const directory = make({
    "main.pl": "",
    "lib/My.pm": "",
    "local/lib/perl5/Mojo.pm": "",
    cpanfile: `requires 'perl', '5.10';\nrequires "Foo::Bar";\nrequires 'Mojo' => '9';\non test => sub {\n  requires 'Absent';\n};\n`,
  });
  expect(await commandOf(directory)).toEqual(["-I./local/lib/perl5", "-I./lib", "./main.pl"]);
  expect((await planOf(directory)).files.flatMap(({ paths }) => paths)).toContain(modules);
});

test("a module that is not installed is named", async () => {
  onlyPrograms(perl());
  const directory = make({ "app.pl": "", cpanfile: "requires 'Absent::One';\n" });
  expect(await refusal(directory)).toEqual([
    "UKL-242",
    "cpanfile requires Absent::One, not installed",
    `run 'cpanm -L local --installdeps .' in ${directory}`,
  ]);
});

test("app.psgi without a server, and a machine without Perl", async () => {
  onlyPrograms(perl());
  expect((await refusal(make({ "app.psgi": "" })))[1]).toMatch(/no starman or plackup/);
  onlyPrograms({});
  expect((await refusal(make({ "app.pl": "" })))[2]).toContain("apt-get install perl");
});
