// SPDX-License-Identifier: MIT
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { commandOf, planOf, refusal, workshop } from "../support/projects.js";
import { onlyPrograms } from "../support/stand-ins.js";

const { make, dispose } = workshop();
afterAll(dispose);

test("a script of R is started as Rscript starts it, with the libraries that it names", async () => {
  const home = make({ "bin/exec/R": "", "library/base/DESCRIPTION": "" });
  const libraries = make({ "jsonlite/DESCRIPTION": "" });
  const programs = onlyPrograms({
    which: "",
    Rscript: `case "$2" in
      *getenv*) printf '%s\\n' R_HOME=${home} R_DOC_DIR= HOME=/root LD_LIBRARY_PATH=${home}/lib ;;
      *libPaths*) printf '%s\\n' ${home} ${libraries} ;;
      *) echo 'Rscript version 4.2.2' ;;
      esac`,
  });
  const directory = make({ "main.R": "", "x.r": `source("more.R")`, "more.R": "" });
  const { program, environment, runtime } = await planOf(directory);
  expect([program, runtime?.version]).toEqual([join(home, "bin/exec/R"), "4.2.2"]);
  expect(environment).toEqual({ R_HOME: home, LD_LIBRARY_PATH: join(home, "lib") });
  expect(await commandOf(directory)).toEqual([
    "--no-echo",
    "--no-restore",
    "--file=./main.R",
    // The user's follow.
    "--args",
  ]);
  expect((await planOf(directory, "x.r")).files.flatMap(({ paths }) => paths)).toEqual([
    ...["x.r", "more.R"].map((name) => join(directory, name)),
    ...[home, libraries].sort(),
    join(programs, "which"),
  ]);
});

test("an R that does not say where its parts are", async () => {
  onlyPrograms({ Rscript: "echo 4.2.2" });
  const [code, , fix] = await refusal(make({ "main.R": "" }));
  expect([code, fix]).toEqual(["UKL-242", "install r-base-core again"]);
});

test("a machine without R, and two scripts of usual names", async () => {
  onlyPrograms({});
  expect((await refusal(make({ "app.R": "" })))[2]).toContain("apt-get install r-base-core");
  expect((await refusal(make({ "app.R": "", "main.R": "" })))[0]).toBe("UKL-241");
});
