// SPDX-License-Identifier: MIT
// Publishes the JSON Schema of `ukl inspect --json` as docs/inspection.schema.json. Needs `npm run build` before.
import { writeFile } from "node:fs/promises";
import { inspectionJsonSchema } from "../dist/inspect/schema.js";

const schemaFile = new URL("../docs/inspection.schema.json", import.meta.url);
await writeFile(schemaFile, `${JSON.stringify(inspectionJsonSchema(), null, 2)}\n`);
