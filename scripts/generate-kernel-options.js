// SPDX-License-Identifier: MIT
// Writes docs/kernel-options.md, and the JSON Schema of its data, from kernel/config/needs.json. Needs `npm run build`.
import { writeFileSync } from "node:fs";
import { formatNeeds } from "../dist/specialise/document.js";
import { needsJsonSchema, readNeeds } from "../dist/specialise/needs.js";

const inDocs = (name) => new URL(`../docs/${name}`, import.meta.url);
writeFileSync(inDocs("kernel-options.md"), formatNeeds(await readNeeds()));
writeFileSync(inDocs("kernel-needs.schema.json"), `${JSON.stringify(needsJsonSchema(), null, 2)}\n`);
