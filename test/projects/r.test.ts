// SPDX-License-Identifier: MIT
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { commandOf, planOf, refusal, workshop } from "../support/projects.js";
import { onlyPrograms } from "../support/stand-ins.js";

const { make, dispose } = workshop();
afterAll(dispose);

test("a script of R is started by Rscript, with the libraries that it names", async () => {
  const libraries = make({ "jsonlite/DESCRIPTION": "" });
  onlyPrograms({ Rscript: `test "$1" = -e && echo ${libraries} || echo 'Rscript version 4.2.2'` });
  const directory = make({ "main.R": "", "x.r": `source("more.R")`, "more.R": "" });
  expect(await commandOf(directory)).toEqual(["./main.R"]);
  expect((await planOf(directory, "x.r")).files.flatMap(({ paths }) => paths)).toEqual([
    ...["x.r", "more.R"].map((name) => join(directory, name)),
    libraries,
  ]);
});

test("a machine without R, and two scripts of usual names", async () => {
  onlyPrograms({});
  expect((await refusal(make({ "app.R": "" })))[2]).toContain("apt-get install r-base-core");
  expect((await refusal(make({ "app.R": "", "main.R": "" })))[0]).toBe("UKL-241");
});
