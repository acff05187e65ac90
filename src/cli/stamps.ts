// SPDX-License-Identifier: MIT
/** Puts the time in front of each line of a stream that comes in pieces. */
export class LineStamps {
  #isAtStart = true;

  /** A line has the time at which its first byte was written; a dash where nobody knows it. */
  put(bytes: Uint8Array, timeMs: number | undefined): Uint8Array {
    const stamp = Buffer.from(`${timeMs === undefined ? "-" : new Date(timeMs).toISOString()} `);
    const pieces: Uint8Array[] = [];
    for (let start = 0; start < bytes.length; ) {
      const end = bytes.indexOf(0x0a, start) + 1 || bytes.length;
      if (this.#isAtStart) pieces.push(stamp);
      pieces.push(bytes.subarray(start, end));
      this.#isAtStart = bytes[end - 1] === 0x0a;
      start = end;
    }
    return Buffer.concat(pieces);
  }
}
