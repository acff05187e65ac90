// SPDX-License-Identifier: MIT
/** A configuration file after reading: its value, and where in the text each part of the value stands. */

/** Both count from 1, columns in UTF-16 units, as editors and compilers do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A way into the value; `at` tells whether the last step's key or its value is meant. */
export interface Place {
  readonly path: readonly PropertyKey[];
  readonly at: "key" | "value";
}

export interface ConfigurationSource {
  readonly value: unknown;
  /** The position of a place, or of what surrounds it when the text does not spell it out. */
  locate(place: Place): Promise<Position>;
}

export function formatPosition(path: string, { line, column }: Position): string {
  return `${path}:${line}:${column}`;
}
