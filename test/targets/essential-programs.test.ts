// SPDX-License-Identifier: MIT
import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { essentialPrograms, namedPrograms } from "../../src/targets/essential-programs.js";

const programs = ["/bin/cat", "/bin/echo", "/bin/grep", "/sbin/ldconfig", "/usr/bin/sort", "/usr/bin/wc"];
const none = { commands: [], scripts: [], libraries: [] };
const named = (texts: Partial<typeof none> | object) => namedPrograms(programs, { ...none, ...texts });

describe("the essential programs that a text names", () => {
  test("are the words of a shell script, but for what a shell does itself", () => {
    expect(named({ commands: ["echo a | wc -c; x=$(grep -q b)\n# sorted"] })).toEqual([
      "/bin/grep",
      "/usr/bin/wc",
    ]);
  });

  test("are those in the quotes of other scripts", () => {
    const script = `list.sort(); os.system('cat "/etc/passwd" | wc'); x = \`/usr/bin/grep y\``;
    expect(named({ scripts: [script] })).toEqual(["/bin/cat", "/bin/grep", "/usr/bin/wc"]);
  });

  test("are paths in the library of an interpreter", () => {
    const library = Buffer.from("Popen(['/sbin/ldconfig', '-p']); print('wc'); x = './usr/bin/sort'");
    expect(named({ libraries: [library] })).toEqual(["/sbin/ldconfig"]);
  });
});

test("on this machine they are those of the packages that dpkg calls essential", async () => {
  const all = await essentialPrograms();
  for (const name of ["wc", "sed", "find", "tar"]) {
    const owner = execFileSync("dpkg", ["-S", ...all.filter((path) => path.endsWith(`/${name}`))], {
      encoding: "utf8",
    });
    const [shown = ""] = owner.split(":");
    expect(execFileSync("dpkg-query", ["-W", "-f", "$" + "{Essential}", shown], { encoding: "utf8" })).toBe(
      "yes",
    );
  }
  expect(all.filter((path) => /\/(?:python3|gcc|perl5.*-doc)$/.test(path))).toEqual([]);
});
