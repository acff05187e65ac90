// SPDX-License-Identifier: MIT
// Puts the files that the command consists of together in a few, in dist/bundle/, since Node takes longer to find and
// open 300 modules than to inspect a small program. What tsc wrote to dist/ stays for those who import it; only the
// files that Node starts with lead to the bundle.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { decoderBytes, decoderPackage, slimDecoder } from "./slim-decoder.js";

const dist = (path) => fileURLToPath(new URL(`../dist/${path}`, import.meta.url));
/** What Node starts with: the command, and what it starts in threads. */
const entries = { cli: "cli.js", thread: "inspect/thread.js" };

// One level deep like the folders of dist/, so that what is found relative to a module is found from here.
const directory = dist("bundle");
rmSync(directory, { recursive: true, force: true });
const bundle = await rolldown({
  input: Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, dist(path)])),
  platform: "node",
  plugins: [{ name: "slim-decoder", transform: takeSlimDecoder }],
  // Half of TypeScript, for those who have a ukl.config.ts.
  external: ["@ts-morph/bootstrap", "@vercel/nft"],
});
const { output } = await bundle.write({ dir: directory, comments: { legal: true } });
writeFileSync(`${directory}/LICENSES.txt`, licences(output.flatMap(({ moduleIds = [] }) => moduleIds)));
writeSlimDecoder();
for (const [name, path] of Object.entries(entries)) {
  const up = "../".repeat(path.split("/").length - 1) || "./";
  writeFileSync(dist(path), `#!/usr/bin/env node\nimport "${up}bundle/${name}.js";\n`);
}
// The command is run from dist/ by its name, also before npm has linked it.
chmodSync(dist("cli.js"), 0o755);

/** The module that has the decoder finds the slim one beside itself. */
function takeSlimDecoder(code, id) {
  return id === dist("inspect/iced.js") ? code.replace('"iced-x86"', '"./iced-x86.cjs"') : undefined;
}

function writeSlimDecoder() {
  const users = readdirSync(dist("inspect"))
    .filter((name) => name.endsWith(".js"))
    .map((name) => readFileSync(dist(`inspect/${name}`), "utf8"));
  writeFileSync(`${directory}/iced-x86.cjs`, slimDecoder(readFileSync(decoderPackage, "utf8"), users));
  copyFileSync(decoderBytes, `${directory}/iced_x86_bg.wasm`);
}

/** The licences of the packages that are in the bundle. */
function licences(modules) {
  const packages = new Set(modules.map((id) => /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0]));
  // What it compiles has a little of its own library.
  packages.add(fileURLToPath(new URL("../node_modules/assemblyscript", import.meta.url)));
  packages.add(dirname(decoderPackage));
  return [...packages]
    .filter((path) => path !== undefined)
    .sort()
    .map((path) => {
      const { name, version, license } = JSON.parse(readFileSync(`${path}/package.json`, "utf8"));
      const file = ["LICENSE", "license", "LICENSE.md", "LICENSE.txt"]
        .map((each) => `${path}/${each}`)
        .find(existsSync);
      const text = file === undefined ? `${license}\n` : readFileSync(file, "utf8");
      return `${name} ${version}\n\n${text}`;
    })
    .join(`\n${"-".repeat(80)}\n\n`);
}
