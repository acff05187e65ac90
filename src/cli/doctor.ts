// SPDX-License-Identifier: MIT
/** `ukl doctor`. */
import type { Command } from "commander";
import { UklError } from "../errors.js";
import { examineHost, fixHost } from "../host/doctor.js";
import { formatFindings, formatNetwork } from "../report.js";
import { passtAbility } from "../vm/passt-ability.js";
import type { Invocation } from "./terminal.js";

export function addDoctor(program: Command, { terminal }: Invocation): void {
  program
    .command("doctor")
    .description("what this host has and lacks")
    .option("--fix", "install what is missing")
    .action(async (flags: { fix?: true }) => {
      let findings = await examineHost();
      if (flags.fix && findings.some(({ found }) => found === undefined)) {
        await fixHost(findings, { onLine: (line) => terminal.say(`${line}\n`) });
        findings = await examineHost();
      }
      terminal.print(formatFindings(findings));
      const hasPasst = findings.some(({ what, found }) => what === "passt" && found !== undefined);
      const absent = { alone: { works: false, reason: "it is not installed" } } as const;
      terminal.print(formatNetwork(hasPasst ? await passtAbility() : absent));
      const missing = findings.filter(({ found }) => found === undefined);
      if (missing.length === 0) return;
      throw new UklError("UKL-401", {
        what: `${missing.length} of ${findings.length} requirements are missing`,
        cause: missing.map(({ what }) => what).join(", "),
        fix: "run 'ukl doctor --fix'",
      });
    });
}
