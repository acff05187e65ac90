// SPDX-License-Identifier: MIT
/** Rust: the program of a package, or of a member of a workspace, as Cargo makes it; or that of a single file. */
import { dirname, join, relative } from "node:path";
import { parse, TomlError } from "smol-toml";
import { z } from "zod";
import { projectFiles } from "../../host/project-files.js";
import { assetsOf, madeDirectory } from "../made-program.js";
import type { BuildStep, Kind, Plan, Project, Start } from "../plan.js";
import { cannotStart, nameOf, planOf, refusedStart } from "../plan-parts.js";
import { runtimeFor } from "../runtimes.js";

const cargo = { title: "Cargo", programs: ["cargo"], package: "cargo" } as const;
const rustc = { title: "Rust", programs: ["rustc"], package: "rustc" } as const;

const manifestSchema = z.object({
  package: z
    .object({
      name: z.string().regex(/^[\w-]+$/),
      "default-run": z.string().optional(),
      autobins: z.boolean().optional(),
    })
    .optional(),
  bin: z.array(z.object({ name: z.string().regex(/^[\w-]+$/) })).optional(),
  workspace: z.object({ members: z.array(z.string()).optional() }).optional(),
});
type CargoManifest = z.infer<typeof manifestSchema>;

export const rust: Kind = {
  name: "rust",
  title: "Rust",
  looksFor: "Cargo.toml with [[bin]], src/main.rs or src/bin/NAME.rs",
  extensions: [".rs"],
  recognise(project) {
    if (project.file !== undefined)
      return [
        ofPackage(project) ?? { rank: "written", because: "a file of Rust", plan: () => planFile(project) },
      ];
    const manifest = readManifest(project, "Cargo.toml");
    if (manifest === undefined) return [];
    if (typeof manifest === "string") {
      const error = cannotStart(project, `Cargo.toml: ${manifest}`, "correct Cargo.toml");
      return [refusedStart("usual", "Cargo.toml", error)];
    }
    const programs = [".", ...membersOf(project, manifest)].flatMap((directory) =>
      programsOf(project, directory),
    );
    const chosen = programs.filter(({ name }) => name === manifest.package?.["default-run"]);
    return (chosen.length > 0 ? chosen : programs).map((program) => startOf(project, program));
  },
};

/** Undefined where there is none; what is wrong with it as text. */
function readManifest(project: Project, path: string): CargoManifest | string | undefined {
  const text = project.text(path);
  if (text === undefined) return undefined;
  try {
    const parsed = manifestSchema.safeParse(parse(text));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    return `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "it is not understood"}`;
  } catch (error) {
    if (error instanceof TomlError) return `line ${error.line}: it is no TOML`;
    throw error;
  }
}

/** Of patterns the usual one alone: all directories of a directory. */
function membersOf(project: Project, { workspace }: CargoManifest): readonly string[] {
  return (workspace?.members ?? []).flatMap((member) =>
    member.endsWith("/*")
      ? project.names(dirname(member)).map((name) => join(dirname(member), name))
      : [member],
  );
}

/** A source of a package's program, by which one of several is named. */
function ofPackage({ directory, place }: Project): Start | undefined {
  for (const above of [dirname(directory), dirname(dirname(directory))]) {
    const owner = projectFiles(above);
    const source = relative(above, place);
    const program = programsOf(owner, ".").find(
      ({ name, package: own }) =>
        source === `src/bin/${name}.rs` || (source === "src/main.rs" && name === own),
    );
    if (program !== undefined) return startOf(owner, program);
  }
  return undefined;
}

interface CargoProgram {
  readonly name: string;
  readonly package: string;
  readonly because: string;
}

function programsOf(project: Project, directory: string): readonly CargoProgram[] {
  const path = join(directory, "Cargo.toml");
  const manifest = readManifest(project, path);
  if (manifest === undefined || typeof manifest === "string" || manifest.package === undefined) return [];
  const { name: packageName, autobins = true } = manifest.package;
  const found = autobins
    ? [
        ...(project.has(join(directory, "src/main.rs")) ? [packageName] : []),
        ...project.names(join(directory, "src/bin")).map((name) => name.replace(/\.rs$/, "")),
      ]
    : [];
  const written = (manifest.bin ?? []).map(({ name }) => name);
  // A program that is written down may have src/main.rs as its source under another name.
  const names = written.length > 0 ? [...written, ...found.filter((name) => name !== packageName)] : found;
  return [...new Set(names)].map((name) => ({
    name,
    package: packageName,
    because: `the program ${name} of ${path}`,
  }));
}

function startOf(project: Project, program: CargoProgram): Start {
  return { rank: "usual", because: program.because, plan: () => planCargo(project, program) };
}

async function planCargo(
  project: Project,
  { name, package: packageName, because }: CargoProgram,
): Promise<Plan> {
  const compiler = await runtimeFor(project, cargo);
  const target = join(madeDirectory(project), "target");
  const args = ["build", "--release", "--package", packageName, "--bin", name, "--target-dir", target];
  return made(project, {
    name,
    because: [because, `Cargo ${compiler.version ?? ""} makes it (${compiler.origin})`],
    step: { tool: compiler.path, args, cwd: project.directory },
    program: join(target, "release", name),
  });
}

async function planFile(project: Project): Promise<Plan> {
  const compiler = await runtimeFor(project, rustc);
  const [name, directory] = [nameOf(project), madeDirectory(project)];
  const args = ["-O", "--crate-name", name.replaceAll(/\W/g, "_"), "--out-dir", directory, project.place];
  return made(project, {
    name,
    because: ["a file of Rust", `Rust ${compiler.version ?? ""} makes it (${compiler.origin})`],
    step: { tool: compiler.path, args, cwd: project.directory },
    program: join(directory, name.replaceAll(/\W/g, "_")),
  });
}

interface Made {
  readonly name: string;
  readonly because: readonly string[];
  readonly step: BuildStep;
  readonly program: string;
}

function made(project: Project, { name, because, step, program }: Made): Plan {
  const files = assetsOf(
    project,
    /\.rs$|^Cargo\.(?:toml|lock)$|^(?:src|target|crates|benches|tests|examples|\.cargo)$/,
  );
  return planOf(project, { kind: "rust", name, because, steps: [step], program, args: [], files });
}
