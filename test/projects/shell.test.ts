// SPDX-License-Identifier: MIT
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { planOf, refusal, workshop } from "../support/projects.js";
import { onlyPrograms } from "../support/stand-ins.js";

const { make, dispose } = workshop();
afterAll(dispose);

test("a script of the usual name is executed as its first line says", async () => {
  const directory = make({ "run.sh": "#!/bin/bash -u\n", "data.txt": "" });
  const { program, args, runtime, files } = await planOf(directory);
  expect([program, args, runtime]).toEqual([join(directory, "run.sh"), [], undefined]);
  expect(files.flatMap(({ paths }) => paths)).toEqual(
    ["data.txt", "run.sh"].map((name) => join(directory, name)),
  );
});

test("a script without a first line is given to the shell, with what it mentions", async () => {
  const programs = onlyPrograms({ sh: "" });
  const directory = make({
    "x.sh": "cat 'list.txt'\n. ./more.sh\n",
    "list.txt": "",
    "more.sh": "",
    "y.txt": "",
  });
  const { program, args, files } = await planOf(directory, "x.sh");
  expect([program, args]).toEqual([join(programs, "sh"), [join(directory, "x.sh")]]);
  expect(files.flatMap(({ paths }) => [...paths].sort())).toEqual(
    ["x.sh", "list.txt", "more.sh"].map((name) => join(directory, name)),
  );
});

test("it is the last that is thought of, and several scripts are several ways", async () => {
  onlyPrograms({ sh: "", perl: "" });
  expect((await planOf(make({ "start.sh": "", "app.pl": "" }))).kind).toBe("perl");
  expect((await refusal(make({ "start.sh": "", "run.sh": "" })))[0]).toBe("UKL-241");
});
