// SPDX-License-Identifier: MIT
/** Java: a jar with a Main-Class, the same unpacked, or compiled classes of which one has a main method. */
import { basename, join } from "node:path";
import { projectFiles } from "../../host/project-files.js";
import { mainClasses, mainClassIn } from "../class-files.js";
import { classPath, mainSection, manifestName, noMain, readJar } from "../jar.js";
import { runtimeFiles } from "../library-directories.js";
import type { FileGroup, Kind, Plan, Project, Start } from "../plan.js";
import { cannotStart, nameOf, planOf, refusedStart } from "../plan-parts.js";
import { projectTree } from "../project-tree.js";
import { runtimeFor } from "../runtimes.js";

const wish = { title: "Java", programs: ["java"], package: "default-jre-headless" } as const;
/** Where build tools put them (Maven, Gradle). */
const jarDirectories = [".", "target", "build/libs"];
const classDirectories = [
  ".",
  "target/classes",
  "build/classes/java/main",
  "build/classes/kotlin/main",
  "classes",
  "bin",
  "out",
];
const otherJars = /^original-|-(?:sources|javadoc|tests|plain)\.jar$/;

export const java: Kind = {
  name: "java",
  title: "Java",
  looksFor:
    "a jar with a Main-Class, here or in target/ or build/libs/; META-INF/MANIFEST.MF; classes with main",
  extensions: [".jar", ".class"],
  async recognise(project) {
    if (project.file?.endsWith(".class")) return [await classFileStart(project)];
    if (project.file !== undefined) return jarStarts(project, [project.file], "written");
    const manifest = project.text(manifestName);
    if (manifest !== undefined) return explodedStarts(project, manifest);
    const jars = jarDirectories.flatMap((directory) =>
      project
        .names(directory)
        .filter((name) => name.endsWith(".jar") && !otherJars.test(name))
        .map((name) => join(directory, name)),
    );
    const ofJars = await jarStarts(project, jars, "usual");
    return ofJars.length > 0
      ? ofJars
      : [...(await classStarts(project)), ...notBuilt(project)].slice(0, mostStarts);
  },
};

const mostStarts = 16;

/** Of one that was named it is told why it cannot be started; of others that are there, none may be meant to be. */
async function jarStarts(
  project: Project,
  jars: readonly string[],
  rank: Start["rank"],
): Promise<readonly Start[]> {
  const starts: Start[] = [];
  for (const jar of jars) {
    const found = await readJar(project, jar);
    const because = `the Main-Class of ${jar}`;
    if (typeof found === "object") {
      const reason = `${because}: ${found.get("Main-Class")}`;
      starts.push({ rank, because: reason, plan: () => planJar(project, jar, found, reason) });
    } else if (rank === "written" || found !== noMain) {
      const fix = "name the jar that is to be started, or build it again";
      starts.push(refusedStart(rank, because, cannotStart(project, `${jar}: ${found}`, fix)));
    }
  }
  return starts;
}

async function planJar(
  project: Project,
  jar: string,
  attributes: ReadonlyMap<string, string>,
  because: string,
): Promise<Plan> {
  const path = join(project.directory, jar);
  const beside = classPath(project, path, attributes);
  const jars: FileGroup = { title: "the jar", because: "it is what is started", paths: [path] };
  const libraries = { title: "its class path", because: "its manifest names them", paths: beside };
  const plan = await planJava(project, [because], ["-jar", path]);
  return {
    ...plan,
    name: basename(jar, ".jar"),
    files: [...(beside.length > 0 ? [jars, libraries] : [jars]), ...plan.files],
  };
}

function explodedStarts(project: Project, manifest: string): readonly Start[] {
  const main = mainSection(manifest).get("Main-Class");
  if (main === undefined) {
    const error = cannotStart(project, `${manifestName} names no Main-Class`, "name the class, or the jar");
    return [refusedStart("usual", manifestName, error)];
  }
  const because = `the Main-Class of ${manifestName}: ${main}`;
  const plan = () => planJava(project, [because], ["-cp", project.directory, main], []);
  return [{ rank: "written", because, plan }];
}

async function classStarts(project: Project): Promise<readonly Start[]> {
  for (const root of classDirectories) {
    const found = await mainClasses(project, root);
    if (found.length > 0)
      return found.map((name) => {
        const because = `the class ${name}${root === "." ? "" : ` in ${root}`} has a main method`;
        return { rank: "usual", because, plan: () => planClass(project, root, name, because) };
      });
  }
  return [];
}

async function planClass(project: Project, root: string, name: string, because: string): Promise<Plan> {
  const classes = join(project.directory, root);
  const jars = project.names("lib").some((each) => each.endsWith(".jar"));
  const path = jars ? `${classes}:${join(project.directory, "lib")}/*` : classes;
  const plan = await planJava(project, [because], ["-cp", path, name]);
  const isIn = plan.files.some(({ paths }) => paths.includes(classes));
  if (root === "." || isIn) return plan;
  return { ...plan, files: [{ title: "classes", because: "compiled", paths: [classes] }, ...plan.files] };
}

/** By which one of several is named. */
async function classFileStart(project: Project): Promise<Start> {
  const name = await mainClassIn(project.place);
  const root = project.place.slice(0, -`/${name}.class`.length);
  if (name === undefined || `${root}/${name}.class` !== project.place) {
    const cause =
      name === undefined
        ? "it has no public static main method"
        : `${name}.class is its name, with directories`;
    const error = cannotStart(project, cause, "name the class that is to be started");
    return refusedStart("written", "a class of Java", error);
  }
  const owner = projectFiles(root === "" ? "/" : root);
  const because = `the class ${name.replaceAll("/", ".")} has a main method`;
  const plan = async () => {
    const planned = await planJava(owner, [because], ["-cp", owner.directory, name.replaceAll("/", ".")], []);
    return { ...planned, place: project.place, name: nameOf(project), workingDirectory: project.directory };
  };
  return { rank: "written", because, plan };
}

const buildTools = [
  { file: "pom.xml", command: "mvn package" },
  { file: "gradlew", command: "./gradlew build" },
  { file: "build.gradle", command: "gradle build" },
  { file: "build.gradle.kts", command: "gradle build" },
] as const;

function notBuilt(project: Project): readonly Start[] {
  const tool = buildTools.find(({ file }) => project.has(file));
  if (tool === undefined || classDirectories.slice(1).some((path) => project.isDirectory(path))) return [];
  const cause = `there is ${tool.file}, and nothing that was built from it`;
  const error = cannotStart(project, cause, `run '${tool.command}' in ${project.directory}`);
  return [refusedStart("usual", tool.file, error)];
}

/** Sources and what build tools make: the jar or the classes come by themselves. */
const ofBuilds = ["src", "target", "build", "pom.xml", "gradle", "gradlew", "mvnw", ".mvn", "build.gradle"];

async function planJava(
  project: Project,
  because: readonly string[],
  args: readonly string[],
  left: readonly string[] = ofBuilds,
): Promise<Plan> {
  const runtime = await runtimeFor(project, wish);
  const tree = projectTree(project, "what is no source may be opened at run time", left);
  const own = project.file === undefined && tree.paths.length > 0 ? [tree] : [];
  return planOf(project, {
    kind: "java",
    name: nameOf(project),
    because,
    runtime,
    program: runtime.path,
    args,
    files: [...own, ...(await runtimeFiles(runtime))],
  });
}
