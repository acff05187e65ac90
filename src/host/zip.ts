// SPDX-License-Identifier: MIT
/** Members of zip archives, without the rest of the archive. */
import { openPromise } from "yauzl";

/**
 * Undefined where the archive has no such member. Throws an Error for what is no such archive, and for a member that is
 * larger than `mostBytes` or damaged.
 */
export async function readZipMember(
  path: string,
  name: string,
  mostBytes: number,
): Promise<Buffer | undefined> {
  const archive = await openPromise(path, { lazyEntries: true, autoClose: false });
  try {
    for await (const entry of archive.eachEntry()) {
      if (entry.fileName !== name) continue;
      if (entry.uncompressedSize > mostBytes)
        throw new Error(`${name} in it has ${entry.uncompressedSize} bytes`);
      // The size that is written in the archive is checked while it is read.
      const chunks: Buffer[] = [];
      for await (const chunk of await archive.openReadStreamPromise(entry)) chunks.push(chunk);
      return Buffer.concat(chunks);
    }
    return undefined;
  } finally {
    archive.close();
  }
}
