// SPDX-License-Identifier: MIT
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { commandOf, planOf, refusal, workshop } from "../support/projects.js";
import { onlyPrograms } from "../support/stand-ins.js";

const { make, dispose } = workshop();
afterAll(dispose);

test("main.lua is started by the Lua that is there, with its modules", async () => {
  const modules = make({ "socket.lua": "" });
  // Of package.path, the part in front of the module's name; `./` is the project's.
  const programs = onlyPrograms({
    "lua5.4": `test "$1" = -v && echo 'Lua 5.4.6' || printf '%s\\n' ${modules}/ ./ /usr/local/lib`,
  });
  const directory = make({ "main.lua": "", "util.lua": "", ".git/config": "" });
  expect(await commandOf(directory)).toEqual(["./main.lua"]);
  const { program, runtime, files } = await planOf(directory);
  expect([program, runtime?.version]).toEqual([join(programs, "lua5.4"), "5.4.6"]);
  expect(files.flatMap(({ paths }) => paths)).toEqual([
    ...["main.lua", "util.lua"].map((name) => join(directory, name)),
    modules,
  ]);
});

test("a single file of Lua", async () => {
  onlyPrograms({ lua: "" });
  const directory = make({ "x.lua": `local a = require("a"); require "b.c"`, "a.lua": "", "d.lua": "" });
  expect(await commandOf(directory, "x.lua")).toEqual(["./x.lua"]);
  expect((await planOf(directory, "x.lua")).files.flatMap(({ paths }) => paths)).toEqual(
    ["x.lua", "a.lua"].map((name) => join(directory, name)),
  );
});

test("a machine without Lua says how to get it", async () => {
  onlyPrograms({});
  const [code, , fix] = await refusal(make({ "main.lua": "" }));
  expect([code, fix]).toEqual(["UKL-242", "install it, for example by 'apt-get install lua5.4'"]);
});
