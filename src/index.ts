// SPDX-License-Identifier: MIT
/** What `import … from "uklkit"` gives to a `ukl.config.ts`. */
export { type Configuration, defineConfig } from "./config/define.js";
