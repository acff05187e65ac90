// SPDX-License-Identifier: MIT
// Publishes the JSON Schema of what `ukl bench --json` prints in docs/. Needs `npm run build` before.
import { writeFile } from "node:fs/promises";
import { benchJsonSchema } from "../dist/bench/schema.js";

const schema = new URL("../docs/bench.schema.json", import.meta.url);
await writeFile(schema, `${JSON.stringify(benchJsonSchema(), null, 2)}\n`);
