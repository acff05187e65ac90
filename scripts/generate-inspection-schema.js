// SPDX-License-Identifier: MIT
// Publishes the JSON Schemas of what `ukl inspect` prints and keeps in docs/. Needs `npm run build` before.
import { writeFile } from "node:fs/promises";
import { inspectionJsonSchema } from "../dist/inspect/schema.js";
import { traceComparisonJsonSchema } from "../dist/inspect/trace.js";
import { traceJsonSchema } from "../dist/inspect/trace-file.js";

const schemas = {
  inspection: inspectionJsonSchema(),
  trace: traceJsonSchema(),
  "trace-comparison": traceComparisonJsonSchema(),
};
for (const [name, schema] of Object.entries(schemas)) {
  const file = new URL(`../docs/${name}.schema.json`, import.meta.url);
  await writeFile(file, `${JSON.stringify(schema, null, 2)}\n`);
}
