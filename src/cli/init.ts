// SPDX-License-Identifier: MIT
/** `ukl init`. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { UklError } from "../errors.js";
import { writeOutput } from "../host/files.js";
import { configurationText } from "../projects/configuration-file.js";
import { planProject } from "../projects/recognise.js";
import type { Invocation } from "./terminal.js";

const configurationFile = "ukl.config.ts";

export function addInit(program: Command, { terminal }: Invocation): void {
  program
    .command("init")
    .description(`write how a project is understood as ${configurationFile}`)
    .argument("[directory]", "the project's", ".")
    .option("--as <kind>", "the kind of project that it is, where several fit")
    .action(async (directory: string, { as }: { readonly as?: string }) => {
      const plan = await planProject(directory, as);
      const path = join(directory, configurationFile);
      if (await stat(path).catch(() => undefined)) {
        throw new UklError("UKL-403", {
          what: `${path} is not written`,
          cause: "there is one already",
          fix: "edit it, or remove it first",
        });
      }
      await writeOutput(path, Buffer.from(configurationText(plan, plan.place)), 0o644);
      terminal.print(`${path}\n`);
    });
}
