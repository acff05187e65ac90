// SPDX-License-Identifier: MIT
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { commandOf, planOf, refusal, workshop } from "../support/projects.js";
import { onlyPrograms } from "../support/stand-ins.js";

const { make, dispose } = workshop();
afterAll(dispose);

const starter = "#!/bin/sh\ncat ../releases/start_erl.data\n";
const release = {
  "releases/start_erl.data": "13.1.5 0.1.0\n",
  "bin/web": starter,
  // Of relx: the same for one version, and tools.
  "bin/web-0.1.0": starter,
  "bin/nodetool": "#!/usr/bin/env escript\n",
  "erts-13.1.5/bin/beam.smp": "",
};

test("a release of Mix is started as its script does, with its own runtime", async () => {
  onlyPrograms({});
  const directory = make({ ...release, "releases/0.1.0/elixir": "" });
  const { program, args, runtime, workingDirectory } = await planOf(directory);
  expect([program, args, runtime]).toEqual([join(directory, "bin/web"), ["start"], undefined]);
  expect(workingDirectory).toBe(directory);
});

test("a release of relx stays in the foreground", async () => {
  const directory = make({ ...release, "releases/0.1.0/vm.args": "" });
  expect(await commandOf(directory)).toEqual(["foreground"]);
});

test("a release that is still where Mix made it comes without what it was made of", async () => {
  const made = Object.entries({ ...release, "releases/0.1.0/elixir": "" });
  const files = Object.fromEntries(made.map(([name, text]) => [`_build/prod/rel/web/${name}`, text]));
  const directory = make({ ...files, "mix.exs": "", "lib/web.ex": "" });
  const { program, files: groups } = await planOf(directory);
  const root = join(directory, "_build/prod/rel/web");
  expect([program, groups.flatMap(({ paths }) => paths)]).toEqual([join(root, "bin/web"), [root]]);
});

test.each([
  ["mix.exs", "MIX_ENV=prod mix release"],
  ["rebar.config", "rebar3 release"],
])("%s without a release says how one is made", async (file, command) => {
  const directory = make({ [file]: "" });
  const cause = `there is ${file}, and no release that was made of it`;
  expect(await refusal(directory)).toEqual(["UKL-242", cause, `run '${command}' in ${directory}`]);
});

test("a release whose version is not there", async () => {
  const [code, cause] = await refusal(make(release));
  expect([code, cause]).toEqual([
    "UKL-242",
    'releases/start_erl.data says version "0.1.0", and there is no such release',
  ]);
});

test("scripts of both languages are started by the runtime's own program", async () => {
  const root = make({ "erts-13.1/bin/erlexec": "" });
  onlyPrograms({
    erl: `case "$3" in *root_dir*) echo ${root} ;; *) echo 13.1 ;; esac`,
    elixir: `echo erl -pa ${root}/bin/../lib/elixir/ebin -noshell -s elixir start_cli -extra "$@"`,
  });
  const directory = make({ "x.escript": "main(_) -> ok.\n", "x.exs": "IO.puts(1)\n" });
  const plan = await planOf(directory, "x.escript");
  expect(plan.program).toBe(`${root}/erts-13.1/bin/erlexec`);
  expect(plan.environment).toEqual({
    ...{ ROOTDIR: root, BINDIR: `${root}/erts-13.1/bin` },
    ...{ EMU: "beam", PROGNAME: "erl" },
  });
  expect(plan.args.slice(-3)).toEqual(["start", "-extra", join(directory, "x.escript")]);
  expect((await planOf(directory, "x.exs")).args).toEqual([
    ...["-pa", `${root}/lib/elixir/ebin`, "-noshell", "-s", "elixir", "start_cli"],
    ...["-extra", join(directory, "x.exs")],
  ]);
});

test("a machine without Erlang or Elixir", async () => {
  onlyPrograms({});
  const directory = make({ "x.escript": "", "x.exs": "" });
  expect((await refusal(directory, "x.escript"))[2]).toContain("apt-get install erlang-base");
  expect((await refusal(directory, "x.exs"))[2]).toContain("apt-get install elixir");
});
