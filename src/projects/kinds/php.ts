// SPDX-License-Identifier: MIT
/** PHP: a front controller behind the server that PHP has, or a script. */
import { join } from "node:path";
import { z } from "zod";
import { parseJson } from "../../json.js";
import { libraryDirectories } from "../library-directories.js";
import type { Kind, Plan, Project } from "../plan.js";
import { cannotStart, planOf } from "../plan-parts.js";
import { projectTree } from "../project-tree.js";
import { runtimeFor } from "../runtimes.js";
import { scriptFiles } from "../script-files.js";

const wish = { title: "PHP", programs: ["php"], package: "php-cli" } as const;
const port = 8000;

export const php: Kind = {
  name: "php",
  title: "PHP",
  looksFor: "public/index.php or index.php",
  extensions: [".php"],
  recognise(project) {
    const { file } = project;
    if (file !== undefined)
      return [{ rank: "written", because: "a file of PHP", plan: () => planScript(project, file) }];
    const root = ["public", "."].find((path) => project.has(join(path, "index.php")));
    if (root === undefined) return [];
    const because = `there is ${join(root, "index.php")}`;
    return [{ rank: "usual", because, plan: () => planServer(project, root, because) }];
  },
};

async function planServer(project: Project, root: string, because: string): Promise<Plan> {
  checkInstalled(project);
  const runtime = await runtimeFor(project, wish);
  const router = project.has("router.php") ? [join(project.directory, "router.php")] : [];
  return planOf(project, {
    kind: "php",
    because: [because, "PHP's own server answers with it"],
    runtime,
    program: runtime.path,
    args: ["-S", `0.0.0.0:${port}`, "-t", join(project.directory, root), ...router],
    files: [
      projectTree(project, "scripts decide at run time what they open: all of it"),
      ...(await libraryDirectories(project, runtime, libraries)),
    ],
    ports: [port],
  });
}

async function planScript(project: Project, file: string): Promise<Plan> {
  const runtime = await runtimeFor(project, wish);
  return planOf(project, {
    kind: "php",
    because: ["a file of PHP"],
    runtime,
    program: runtime.path,
    args: [join(project.directory, file)],
    files: [
      ...scriptFiles(project, [".php", ".inc"]),
      ...(await libraryDirectories(project, runtime, libraries)),
    ],
  });
}

/** What an administrator configures no package has in its list of files: links of phpenmod(8). */
const libraries = {
  title: "configuration and extensions",
  args: [
    "-r",
    `echo php_ini_loaded_file(), "\\n", str_replace(",", "\\n", (string) php_ini_scanned_files()), "\\n",
      PHP_EXTENSION_DIR, "\\n", str_replace(":", "\\n", get_include_path()), "\\n";`,
  ],
};

const manifestSchema = z.object({ require: z.record(z.string(), z.string()).optional() });

/** Throws UKL-242 where packages were not installed. PHP and its extensions are no packages of Composer. */
function checkInstalled(project: Project): void {
  const text = project.text("composer.json");
  if (text === undefined || project.has("vendor/autoload.php")) return;
  const manifest = manifestSchema.safeParse(parseJson(text));
  if (!manifest.success) {
    const cause = `composer.json: ${manifest.error.issues[0]?.message ?? "it is no JSON"}`;
    throw cannotStart(project, cause, "correct composer.json");
  }
  const [first, ...others] = Object.keys(manifest.data.require ?? {}).filter((name) => name.includes("/"));
  if (first === undefined) return;
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  throw cannotStart(
    project,
    `composer.json requires ${first}${more}, and there is no vendor/autoload.php`,
    `run 'composer install' in ${project.directory}`,
  );
}
