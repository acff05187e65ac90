// SPDX-License-Identifier: MIT
/** What differs between two kernel configurations. */

/** `CONFIG_NAME=old→new` for each option of which the values differ; `n` stands for one that is not set. */
export function changedOptions(from: string, to: string): readonly string[] {
  const [before, after] = [optionsIn(from), optionsIn(to)];
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].sort().flatMap((name) => {
    const [old = "n", now = "n"] = [before.get(name), after.get(name)];
    return old === now ? [] : [`${name}=${old}→${now}`];
  });
}

function optionsIn(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/^(CONFIG_\w+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]),
  );
}
