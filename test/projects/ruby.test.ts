// SPDX-License-Identifier: MIT
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { commandOf, planOf, refusal, workshop } from "../support/projects.js";
import { onlyPrograms } from "../support/stand-ins.js";

const { make, dispose } = workshop();
afterAll(dispose);

/** With Bundler, unless it is said otherwise. */
const ruby = (paths = "", bundler = "/usr/lib/bundler.rb") => ({
  ruby: `case "$1" in --version) echo 'ruby 3.1.2p20' ;; -rbundler) echo "${bundler}" ;; *) echo "${paths}" ;; esac`,
});
const puma = ["-b", "tcp://0.0.0.0:9292", "./config.ru"];

test("config.ru is served by what is installed, the best first", async () => {
  const directory = make({ "config.ru": "", "app.rb": "" });
  const both = onlyPrograms({ ...ruby(), puma: "", rackup: "" });
  expect(await commandOf(directory)).toEqual([join(both, "puma"), ...puma]);
  expect((await planOf(directory)).ports).toEqual([9292]);
});

test("config.ru is served by rackup where there is no other", async () => {
  const one = onlyPrograms({ ...ruby(), rackup: "" });
  expect(await commandOf(make({ "config.ru": "" }))).toEqual([
    join(one, "rackup"),
    ...["-o", "0.0.0.0", "-p", "9292", "./config.ru"],
  ]);
});

const lock = (...gems: string[]) =>
  `GEM\n  specs:\n${gems.map((gem) => `    ${gem}\n      x (~> 1)\n`).join("")}`;

test("the server of Gemfile.lock is found by Bundler, with the project's own gems", async () => {
  onlyPrograms({ ...ruby(), puma: "" });
  const directory = make({
    "config.ru": "",
    "Gemfile.lock": lock("puma (6.4.0)"),
    "vendor/bundle/ruby/3.1.0/specifications/puma-6.4.0.gemspec": "",
  });
  expect(await commandOf(directory)).toEqual([
    "-rbundler/setup",
    ...["-e", 'load Gem.bin_path("puma", "puma")', "--"],
    ...puma,
  ]);
});

test("gems of the machine come along, and count as installed", async () => {
  const gems = make({
    "specifications/sinatra-3.0.gemspec": "",
    "specifications/default/json-2.6.gemspec": "",
  });
  onlyPrograms(ruby(gems));
  const directory = make({ "app.rb": "", "Gemfile.lock": lock("sinatra (3.0)", "json (2.6)") });
  expect(await commandOf(directory)).toEqual(["-rbundler/setup", "./app.rb"]);
  expect((await planOf(directory)).files.flatMap(({ paths }) => paths)).toContain(gems);
});

test("a gem that is not installed is named, also where one has a longer name", async () => {
  const gems = make({ "specifications/rack-protection-3.0.gemspec": "" });
  onlyPrograms(ruby(gems));
  const directory = make({ "app.rb": "", "Gemfile.lock": lock("rack (2.2)", "tilt (2.0)") });
  expect(await refusal(directory)).toEqual([
    "UKL-242",
    "Gemfile.lock names rack and 1 more, not installed",
    `run 'bundle install' in ${directory}`,
  ]);
});

test.each([
  ["2.2.22", ["-e", 'load Gem.bin_path("rack", "rackup")', "--"]],
  // Since version 3 it is in a gem of its own.
  ["3.1.0", undefined],
])("rackup is of Rack %s, or is not", async (version, words) => {
  const gems = make({ "specifications/rack-1.gemspec": "" });
  onlyPrograms(ruby(gems));
  const directory = make({ "config.ru": "", "Gemfile.lock": lock(`rack (${version})`) });
  if (words === undefined) expect((await refusal(directory))[1]).toMatch(/needs a Rack server/);
  else expect((await commandOf(directory)).slice(1, 4)).toEqual(words);
});

test("Gemfile.lock without Bundler", async () => {
  onlyPrograms(ruby("", ""));
  const [code, cause, fix] = await refusal(make({ "app.rb": "", "Gemfile.lock": lock("rack (3.0)") }));
  expect([code, cause]).toEqual(["UKL-242", "Bundler loads what Gemfile.lock names, and Ruby has none"]);
  expect(fix).toContain("apt-get install ruby-bundler");
});

test("Sinatra's script listens for others than itself", async () => {
  onlyPrograms(ruby());
  const directory = make({ "app.rb": "require 'sinatra'\nget('/') { 'x' }\n" });
  expect(await commandOf(directory)).toEqual(["./app.rb", "-o", "0.0.0.0", "-p", "4567"]);
  expect((await planOf(directory)).ports).toEqual([4567]);
});

test("a single file comes with what it requires of its directory", async () => {
  onlyPrograms(ruby());
  const directory = make({ "x.rb": `require_relative "util"\n`, "util.rb": "", "other.rb": "" });
  expect(await commandOf(directory, "x.rb")).toEqual(["./x.rb"]);
  expect((await planOf(directory, "x.rb")).files.flatMap(({ paths }) => paths)).toEqual(
    ["x.rb", "util.rb"].map((name) => join(directory, name)),
  );
});

test("two scripts of usual names are two ways", async () => {
  expect((await refusal(make({ "app.rb": "", "main.rb": "" })))[0]).toBe("UKL-241");
});

test("config.ru without a server, and a machine without Ruby", async () => {
  onlyPrograms(ruby());
  const [code, cause] = await refusal(make({ "config.ru": "" }));
  expect([code, cause]).toEqual([
    "UKL-242",
    "config.ru needs a Rack server, and there is no puma, rackup or thin",
  ]);
  onlyPrograms({});
  expect((await refusal(make({ "app.rb": "" })))[2]).toContain("apt-get install ruby");
});
