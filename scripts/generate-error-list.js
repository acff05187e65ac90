// SPDX-License-Identifier: MIT
// Writes docs/errors.md from the catalogue in src/errors.ts.
import { writeFileSync } from "node:fs";
import { formatErrorList } from "../dist/errors.js";

writeFileSync(new URL("../docs/errors.md", import.meta.url), formatErrorList());
