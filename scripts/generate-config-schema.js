// SPDX-License-Identifier: MIT
// Publishes the JSON Schema of the configuration as docs/config.schema.json. Needs `npm run build` before.
import { writeFile } from "node:fs/promises";
import { configurationJsonSchema } from "../dist/config/schema.js";

const schemaFile = new URL("../docs/config.schema.json", import.meta.url);
await writeFile(schemaFile, `${JSON.stringify(configurationJsonSchema(), null, 2)}\n`);
