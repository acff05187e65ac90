// SPDX-License-Identifier: MIT
/** The kinds of projects. A new one is a file in kinds/ and a line here. */
import { node } from "./kinds/node.js";
import { python } from "./kinds/python.js";
import type { Kind } from "./plan.js";

export const kinds: readonly Kind[] = [node, python];
