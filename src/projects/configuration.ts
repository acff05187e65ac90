// SPDX-License-Identifier: MIT
/** From a plan to the configuration of an image: what is behind it knows no projects. */
import type { ConfigurationFlags } from "../config/schema.js";
import type { Plan } from "./plan.js";

/** `ukl init` writes the same. */
export function configurationOf(plan: Plan) {
  return {
    name: imageNameOf(plan.name),
    program: plan.program,
    args: [...plan.args],
    env: { ...plan.environment },
    workingDirectory: plan.workingDirectory,
    files: {
      include: Object.fromEntries(plan.files.flatMap(({ paths }) => paths).map((path) => [path, path])),
    },
  } satisfies ConfigurationFlags;
}

/** Of letters, digits, '.', '_', '+' and '-', as names of images are. */
function imageNameOf(name: string): string {
  const written = name.replaceAll(/[^\w.+-]+/g, "-").replace(/^[.+-]+/, "");
  return written.slice(0, 128) || "project";
}
