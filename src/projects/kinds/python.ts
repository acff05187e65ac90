// SPDX-License-Identifier: MIT
/** Python: an application object that a server serves, Django, a package or script, with its virtual environment. */
import { basename, join } from "node:path";
import { parse } from "smol-toml";
import { z } from "zod";
import type { Kind, Plan, Project, Start } from "../plan.js";
import { cannotStart, planOf, portsOf, refusedStart } from "../plan-parts.js";
import { projectTree } from "../project-tree.js";
import { normalizedName, type PythonEnvironment, pythonEnvironment } from "../python-environment.js";

export const python: Kind = {
  name: "python",
  title: "Python",
  looksFor:
    "manage.py, an application object in app.py, main.py or wsgi.py, __main__.py, scripts of pyproject.toml",
  extensions: [".py", ".pyw", ".pyz"],
  recognise(project) {
    const { file } = project;
    if (file !== undefined) return [fileStart(project, file, "written", "a file of Python")];
    const scripts = scriptsOf(project);
    if (scripts.length > 0) return scripts;
    if (project.has("manage.py")) return [djangoStart(project)];
    const served = moduleNames.flatMap((name) => servedStart(project, name));
    if (served.length > 0) return served.slice(0, 1);
    if (project.has("__main__.py")) return [directoryStart(project)];
    return moduleNames
      .filter((name) => project.has(`${name}.py`))
      .map((name) => fileStart(project, `${name}.py`, "usual", `there is ${name}.py`));
  },
};

/** Where people put an application, the likeliest first. */
const moduleNames = ["wsgi", "asgi", "app", "main", "server", "application", "run"];

/** What a plan adds to what all have. */
interface Begin {
  readonly because: string;
  /** Files that are started, from which modules are followed; relative. */
  readonly entries: readonly string[];
  readonly command: (environment: PythonEnvironment) => PythonCommand;
}

interface PythonCommand {
  /** Behind the interpreter. */
  readonly args: readonly string[];
  readonly ports?: readonly number[];
}

function start(project: Project, rank: Start["rank"], begin: Begin): Start {
  return { rank, because: begin.because, plan: () => planPython(project, begin) };
}

async function planPython(project: Project, { because, entries, command }: Begin): Promise<Plan> {
  const paths = entries.map((entry) => join(project.directory, entry)).filter((path) => path.endsWith(".py"));
  const environment = await pythonEnvironment(project, paths);
  checkInstalled(project, environment);
  const { runtime } = environment;
  const { args, ports = [] } = command(environment);
  const alone =
    project.file !== undefined && !project.has("requirements.txt") && !project.has("pyproject.toml");
  const own = alone
    ? { title: "the program", because: "named by itself", paths: neighbours(project) }
    : projectTree(project, "modules and data are opened by name at run time", environmentsOf(project));
  return planOf(project, {
    kind: "python",
    name: basename(project.place).replace(/\.pyz?w?$/, ""),
    because: [because],
    runtime,
    program: runtime.path,
    args,
    files: [own, ...environment.files],
    ports,
  });
}

/** A file and the modules beside it, which it may import. */
function neighbours(project: Project): readonly string[] {
  const { directory, file = "" } = project;
  const modules = project
    .names()
    .filter((name) => name.endsWith(".py") || project.has(`${name}/__init__.py`));
  return [...new Set([file, ...modules])].map((name) => join(directory, name));
}

function environmentsOf(project: Project): readonly string[] {
  return project.names().filter((name) => project.has(`${name}/pyvenv.cfg`));
}

function fileStart(project: Project, file: string, rank: Start["rank"], because: string): Start {
  const text = project.text(file) ?? "";
  const path = join(project.directory, file);
  return start(project, rank, {
    because,
    entries: [file],
    command: () => ({ args: [path], ports: portsIn(text) }),
  });
}

function directoryStart(project: Project): Start {
  const because = "there is __main__.py: python executes the directory";
  return start(project, "usual", {
    because,
    entries: ["__main__.py"],
    command: () => ({ args: [project.directory] }),
  });
}

const djangoPort = 8000;

function djangoStart(project: Project): Start {
  const server = ["runserver", "--noreload", `0.0.0.0:${djangoPort}`];
  const because = `there is manage.py: Django's own server on port ${djangoPort}`;
  const path = join(project.directory, "manage.py");
  return start(project, "usual", {
    because,
    entries: ["manage.py"],
    command: () => ({ args: [path, ...server], ports: [djangoPort] }),
  });
}

const scriptsSchema = z.object({
  project: z.object({ scripts: z.record(z.string(), z.string()).optional() }).optional(),
});

/** Entry points that pyproject.toml names (PEP 621): `module:function`. */
function scriptsOf(project: Project): readonly Start[] {
  const text = project.text("pyproject.toml");
  if (text === undefined) return [];
  const found = scriptsSchema.safeParse(parsedToml(text));
  if (!found.success) {
    const error = cannotStart(
      project,
      "pyproject.toml is no TOML that describes a project",
      "correct pyproject.toml",
    );
    return [refusedStart("written", "pyproject.toml", error)];
  }
  return Object.entries(found.data.project?.scripts ?? {}).flatMap(([name, target]) => {
    const [, module, fn] = /^([\w.]+):(\w+)$/.exec(target) ?? [];
    if (module === undefined) return [];
    const code = `import sys; from ${module} import ${fn}; sys.argv[0] = ${JSON.stringify(name)}; sys.exit(${fn}())`;
    const source = ["", "src/"].map((top) => `${top}${module.replaceAll(".", "/")}`);
    const entries = source
      .flatMap((path) => [`${path}.py`, `${path}/__init__.py`])
      .filter((path) => project.has(path));
    const isBelowSource = entries.some((entry) => entry.startsWith("src/"));
    const path = isBelowSource
      ? `import sys; sys.path.insert(0, ${JSON.stringify(join(project.directory, "src"))}); `
      : "";
    const because = `the script ${name} of pyproject.toml: ${target}`;
    return [start(project, "written", { because, entries, command: () => ({ args: ["-c", path + code] }) })];
  });
}

function parsedToml(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

interface Framework {
  readonly made: RegExp;
  readonly interface: "WSGI" | "ASGI";
}

/** Objects of these the file makes by name, at its left edge. */
const frameworks: readonly Framework[] = [
  {
    made: /^(\w+)(?::[^=\n]+)?\s*=\s*(?:\w+\.)?(?:Flask|Bottle|Pyramid|get_wsgi_application|make_app)\(/m,
    interface: "WSGI",
  },
  {
    made: /^(\w+)(?::[^=\n]+)?\s*=\s*(?:\w+\.)?(?:FastAPI|Starlette|Quart|Litestar|Sanic|get_asgi_application)\(/m,
    interface: "ASGI",
  },
  { made: /^def (application)\(\s*environ\b/m, interface: "WSGI" },
];

const servedPort = 8000;

/** Servers, the likelier first, and how they are told what to serve where. */
const servers = {
  WSGI: [
    {
      package: "gunicorn",
      args: (target: string) => ["-m", "gunicorn", "-b", `0.0.0.0:${servedPort}`, target],
    },
    {
      package: "waitress",
      args: (target: string) => ["-m", "waitress", `--listen=0.0.0.0:${servedPort}`, target],
    },
    {
      package: "flask",
      args: (target: string) => [
        "-m",
        "flask",
        "--app",
        target,
        "run",
        "-h",
        "0.0.0.0",
        "-p",
        String(servedPort),
      ],
    },
  ],
  ASGI: [
    {
      package: "uvicorn",
      args: (target: string) => ["-m", "uvicorn", "--host", "0.0.0.0", "--port", String(servedPort), target],
    },
    {
      package: "hypercorn",
      args: (target: string) => ["-m", "hypercorn", "-b", `0.0.0.0:${servedPort}`, target],
    },
  ],
} as const;

function servedStart(project: Project, name: string): readonly Start[] {
  const text = project.text(`${name}.py`) ?? "";
  const framework = frameworks.find(({ made }) => made.test(text));
  const object = framework?.made.exec(text)?.[1];
  if (framework === undefined || object === undefined) return [];
  const because = `${name}.py makes the ${framework.interface} object ${object}`;
  const command = ({ installed }: PythonEnvironment): PythonCommand => {
    const server = servers[framework.interface].find((each) => installed.has(each.package));
    if (server !== undefined) return { args: server.args(`${name}:${object}`), ports: [servedPort] };
    // Some start themselves.
    if (/^if __name__ == ["']__main__["']:/m.test(text))
      return { args: [join(project.directory, `${name}.py`)], ports: portsIn(text) };
    const names = servers[framework.interface].map((each) => each.package).join(" or ");
    throw cannotStart(
      project,
      `${because}, and no server for it is installed`,
      `install ${names} for the project`,
    );
  };
  return [start(project, "usual", { because, entries: [`${name}.py`], command })];
}

/** Throws UKL-242 where a list of requirements names what is not installed. */
function checkInstalled(project: Project, { installed }: PythonEnvironment): void {
  const text = project.text("requirements.txt");
  if (text === undefined) return;
  const wanted = text
    .split("\n")
    .flatMap((line) => /^\s*([A-Za-z0-9][\w.-]*)(?!.*;)\s*(?:[[=<>!~#].*)?$/.exec(line)?.[1] ?? []);
  const [first, ...others] = wanted.filter((name) => !installed.has(normalizedName(name)));
  if (first === undefined) return;
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  const [environment = ".venv"] = environmentsOf(project);
  const make = environmentsOf(project).length === 0 ? `python3 -m venv ${environment} && ` : "";
  throw cannotStart(
    project,
    `requirements.txt names ${first}${more}, not installed`,
    `run '${make}${environment}/bin/pip install -r requirements.txt' in ${project.directory}`,
  );
}

function portsIn(text: string): readonly number[] {
  return portsOf([...text.matchAll(/\bport\s*=\s*(\d{2,5})\b/g)].map(([, port]) => port));
}
