// SPDX-License-Identifier: MIT
// What became of each test of a suite on each machine, in test-results/suites: a line for each, of which a later one
// counts. So a run of some tests again stands beside the rest of an earlier run.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

const directory = new URL("../../test-results/suites/", import.meta.url);

export class Record {
  #file;

  constructor(suite) {
    mkdirSync(directory, { recursive: true });
    this.#file = new URL(`${suite}.jsonl`, directory);
  }

  clear() {
    writeFileSync(this.#file, "");
  }

  add(where, name, { status, report }) {
    this.#append({ where, name, status, said: report });
  }

  /** What a kernel said that it should not have to say. */
  addTrouble(where, trouble) {
    this.#append({ where, trouble });
  }

  /** { results: machine → Map of { status, report }, troubles: of all machines } */
  read() {
    const lines = existsSync(this.#file) ? readFileSync(this.#file, "utf8").split("\n").filter(Boolean) : [];
    const results = new Map();
    const troubles = [];
    for (const { where, name, status, said, trouble } of lines.map((line) => JSON.parse(line))) {
      if (trouble !== undefined) troubles.push(`${where}: ${trouble}`);
      else results.set(where, (results.get(where) ?? new Map()).set(name, { status, report: said }));
    }
    return { results, troubles };
  }

  #append(line) {
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}
