// SPDX-License-Identifier: MIT
/** The kinds of projects. A new one is a file in kinds/ and a line here. */
import { bun } from "./kinds/bun.js";
import { deno } from "./kinds/deno.js";
import { erlang } from "./kinds/erlang.js";
import { go } from "./kinds/go.js";
import { java } from "./kinds/java.js";
import { lua } from "./kinds/lua.js";
import { node } from "./kinds/node.js";
import { perl } from "./kinds/perl.js";
import { php } from "./kinds/php.js";
import { procfile } from "./kinds/procfile.js";
import { python } from "./kinds/python.js";
import { r } from "./kinds/r.js";
import { ruby } from "./kinds/ruby.js";
import { rust } from "./kinds/rust.js";
import { shell } from "./kinds/shell.js";
import { staticSite } from "./kinds/static.js";
import type { Kind } from "./plan.js";

export const kinds: readonly Kind[] = [
  node,
  deno,
  bun,
  python,
  java,
  php,
  ruby,
  perl,
  lua,
  r,
  erlang,
  go,
  rust,
  procfile,
  staticSite,
  shell,
];
