// SPDX-License-Identifier: MIT
// Puts the files that the command consists of together in a few, in dist/bundle/, since Node takes longer to find and
// open 300 modules than to inspect a small program. What tsc wrote to dist/ stays for those who import it; only the
// files that Node starts with lead to the bundle.
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const dist = (path) => fileURLToPath(new URL(`../dist/${path}`, import.meta.url));
/** What Node starts with: the command, and what it starts in threads. */
const entries = { cli: "cli.js", thread: "inspect/thread.js" };

// One level deep like the folders of dist/, so that what is found relative to a module is found from here.
const directory = dist("bundle");
rmSync(directory, { recursive: true, force: true });
const bundle = await rolldown({
  input: Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, dist(path)])),
  platform: "node",
  // One reads its own files, the other is half of TypeScript, for those who have a ukl.config.ts.
  external: ["iced-x86", "@ts-morph/bootstrap"],
});
const { output } = await bundle.write({ dir: directory, comments: { legal: true } });
writeFileSync(`${directory}/LICENSES.txt`, licences(output.flatMap(({ moduleIds = [] }) => moduleIds)));
for (const [name, path] of Object.entries(entries)) {
  const up = "../".repeat(path.split("/").length - 1) || "./";
  writeFileSync(dist(path), `#!/usr/bin/env node\nimport "${up}bundle/${name}.js";\n`);
}
// The command is run from dist/ by its name, also before npm has linked it.
chmodSync(dist("cli.js"), 0o755);

/** The licences of the packages that are in the bundle. */
function licences(modules) {
  const packages = new Set(modules.map((id) => /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0]));
  // What it compiles has a little of its own library.
  packages.add(fileURLToPath(new URL("../node_modules/assemblyscript", import.meta.url)));
  return [...packages]
    .filter((path) => path !== undefined)
    .sort()
    .map((path) => {
      const { name, version, license } = JSON.parse(readFileSync(`${path}/package.json`, "utf8"));
      const file = ["LICENSE", "license", "LICENSE.md"].map((each) => `${path}/${each}`).find(existsSync);
      const text = file === undefined ? `${license}\n` : readFileSync(file, "utf8");
      return `${name} ${version}\n\n${text}`;
    })
    .join(`\n${"-".repeat(80)}\n\n`);
}
