// SPDX-License-Identifier: MIT
/** The bytes of an archive as they come, taken in pieces of the size that is asked for. */

export class ByteSource {
  readonly #chunks: AsyncIterator<unknown>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<unknown>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Fewer than that only where the archive ends. */
  async take(sizeBytes: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = sizeBytes;
    while (missing > 0) {
      const part = await this.some(missing);
      if (part === undefined) break;
      parts.push(part);
      missing -= part.length;
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  /** What is at hand of so many; undefined at the end. */
  async some(mostBytes: number): Promise<Buffer | undefined> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#chunks.next();
      if (done === true) return undefined;
      const chunk = value as Uint8Array;
      this.#rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    }
    const part = this.#rest.subarray(0, mostBytes);
    this.#rest = this.#rest.subarray(part.length);
    return part;
  }

  /** Reads on to the end, which is where the archive's digest is known. */
  async drain(): Promise<void> {
    this.#rest = Buffer.alloc(0);
    while ((await this.#chunks.next()).done !== true);
  }

  /** Says to where the bytes come from that no more are wanted. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
