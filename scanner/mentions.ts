// SPDX-License-Identifier: MIT
/**
 * What live code mentions, in one answer for those who look at all of it. A mention is its address (f64), the id of the
 * node (u32), the index of its file (24 bits), and the kind of its record (8 bits).
 */
import { addMention, record, tell } from "./code";
import { Module, regionAt } from "./modules";
import { nodeAt, table } from "./nodes";
import { complete, Reach } from "./reach";

/** The kind of a mention that is a live data object itself, which src/inspect/records.ts has too. */
const objectKind: u32 = 0xff;

/**
 * Writes down the addresses of data that functions mention by records up to a kind, and where data objects begin, in the
 * order in which they were reached: those of a file, or of all for null. Returns how many they are.
 */
export function mentions(reach: Reach, module: Module | null, lastKind: u32): u32 {
  complete(reach);
  let found: u32 = 0;
  for (let index: u32 = 0; index < reach.count; index++) {
    const id = reach.nodeAt(index);
    const node = nodeAt(id);
    const home = changetype<Module>(node.module);
    if (module !== null && module !== home) continue;
    if (node.table !== table.functions) {
      if (isData(home, node.start)) addMention(found++, node.start, id, (home.index << 8) | objectKind);
      continue;
    }
    for (let each = node.firstRecord; each < node.endRecord; each++) {
      const kind = <u32>record.kind(each);
      if (kind > lastKind) continue;
      const address = record.address(each);
      if (isData(home, address)) addMention(found++, address, id, (home.index << 8) | kind);
    }
  }
  tell(0);
  return found;
}

function isData(module: Module, address: f64): bool {
  const region = regionAt(module, address);
  return region !== null && !region.isExecutable;
}
