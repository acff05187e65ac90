// SPDX-License-Identifier: MIT
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { commandOf, planOf, refusal, workshop } from "../support/projects.js";
import { onlyPrograms } from "../support/stand-ins.js";

const { make, dispose } = workshop();
afterAll(dispose);

/** An environment without pip, whose packages are directories that say that they are installed. */
function withEnvironment(directory: string, packages: readonly string[]): string {
  execFileSync("/usr/bin/python3", ["-m", "venv", "--without-pip", join(directory, ".venv")]);
  const code = "import sysconfig; print(sysconfig.get_path('purelib'))";
  const site = execFileSync(join(directory, ".venv/bin/python"), ["-c", code], { encoding: "utf8" }).trim();
  for (const name of packages) execFileSync("mkdir", [join(site, `${name}-1.0.dist-info`)]);
  return directory;
}

const wsgi = "from flask import Flask\napp = Flask(__name__)\n";
const asgi = "from fastapi import FastAPI\nservice: FastAPI = FastAPI(title='x')\n";

describe("a directory of Python is started by", () => {
  test.each<[what: string, files: Record<string, string>, packages: string[], command: string[]]>([
    [
      "Django's own server",
      { "manage.py": "", "app.py": "" },
      [],
      ["./manage.py", "runserver", "--noreload", "0.0.0.0:8000"],
    ],
    [
      "gunicorn",
      { "app.py": wsgi },
      ["gunicorn", "flask"],
      ["-m", "gunicorn", "-b", "0.0.0.0:8000", "app:app"],
    ],
    [
      "flask's own server",
      { "wsgi.py": wsgi },
      ["Flask"],
      ["-m", "flask", "--app", "wsgi:app", "run", "-h", "0.0.0.0", "-p", "8000"],
    ],
    [
      "uvicorn",
      { "main.py": asgi },
      ["uvicorn"],
      ["-m", "uvicorn", "--host", "0.0.0.0", "--port", "8000", "main:service"],
    ],
    [
      "itself, where it can",
      { "app.py": `${asgi}if __name__ == "__main__":\n    run()\n` },
      [],
      ["./app.py"],
    ],
    ["its directory", { "__main__.py": "", "other.py": "" }, [], ["."]],
    ["a file that is usual", { "main.py": "" }, [], ["./main.py"]],
  ])("%s", async (_, files, packages, command) => {
    const directory = withEnvironment(make(files), packages);
    expect(await commandOf(directory)).toEqual(command);
    expect((await planOf(directory)).program).toBe(join(directory, ".venv/bin/python"));
  });

  test("the script of pyproject.toml, which Python can execute", async () => {
    const toml = `[project]\nname = "x"\n[project.scripts]\ngreet = "greeting.cli:main"\n`;
    const code = "import sys\ndef main():\n    print(sys.argv)\n    return 3\n";
    const directory = make({
      "pyproject.toml": toml,
      "src/greeting/__init__.py": "",
      "src/greeting/cli.py": code,
    });
    const { args } = await planOf(directory);
    const run = () => execFileSync("/usr/bin/python3", [...args, "a"], { encoding: "utf8", stdio: "pipe" });
    expect(run).toThrow(expect.objectContaining({ status: 3, stdout: "['greet', 'a']\n" }));
  });
});

test("the environment comes with the project, and the interpreter's packages that are imported", async () => {
  const directory = withEnvironment(make({ "main.py": "import json", "data.csv": "", ".git/HEAD": "" }), []);
  const { files } = await planOf(directory);
  const paths = files.flatMap((group) => group.paths);
  for (const name of ["main.py", "data.csv", ".venv/lib", ".venv/pyvenv.cfg"])
    expect(paths).toContain(join(directory, name));
  expect(paths.filter((path) => path.includes("/.git"))).toEqual([]);
});

test("an interpreter of no package brings its library, without what no program imports, and the time zones", async () => {
  const own = make({ "lib/json/__init__.py": "", "lib/test/x.py": "", "lib/site-packages/x.py": "" });
  const answer = { prefix: own, base: own, library: join(own, "lib"), path: [join(own, "lib")], modules: [] };
  onlyPrograms({ python3: `[ "$1" = --version ] && echo Python 3.12.1 || echo '${JSON.stringify(answer)}'` });
  const { files, runtime } = await planOf(make({ "main.py": "" }));
  expect(runtime?.version).toBe("3.12.1");
  const paths = files.flatMap((group) => group.paths);
  expect(paths).toContain(join(own, "lib/json"));
  expect(paths).toContain("/usr/share/zoneinfo");
  expect(paths.filter((path) => /lib\/(?:test|site-packages)/.test(path))).toEqual([]);
});

describe("is refused, with what to do", () => {
  test("an environment whose interpreter is gone", async () => {
    const directory = withEnvironment(make({ "main.py": "" }), []);
    rmSync(join(directory, ".venv/bin/python"));
    const [code, cause, fix] = await refusal(directory);
    expect([code, cause]).toEqual([
      "UKL-242",
      expect.stringContaining(".venv/bin/python leads to an interpreter"),
    ]);
    expect(fix).toContain("python3 -m venv --clear .venv");
  });

  test("requirements that are not installed", async () => {
    const requirements =
      "Flask>=2 # web\n# comment\nrequests[socks]==1.0\ntomli; python_version < '3.11'\n-r more.txt\n";
    const directory = withEnvironment(make({ "main.py": "", "requirements.txt": requirements }), ["flask"]);
    const [code, cause = "", fix] = await refusal(directory);
    expect(code).toBe("UKL-242");
    expect(cause).toMatch(/names requests, not installed/);
    expect(fix).toContain(".venv/bin/pip install -r requirements.txt");
  });

  test("an application without a server", async () => {
    const [code, cause, fix] = await refusal(withEnvironment(make({ "asgi.py": asgi }), []));
    expect(code).toBe("UKL-242");
    expect(cause).toContain("ASGI object service");
    expect(fix).toContain("uvicorn");
  });

  test("a damaged pyproject.toml", async () => {
    expect((await refusal(make({ "pyproject.toml": "[project", "main.py": "" })))[0]).toBe("UKL-242");
  });
});
