// SPDX-License-Identifier: MIT
// The command is run from dist/ by its name, also before npm has linked it.
import { chmodSync } from "node:fs";

chmodSync(new URL("../dist/cli.js", import.meta.url), 0o755);
