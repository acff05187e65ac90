// SPDX-License-Identifier: MIT
/** The parts of a container image, whichever way it is stored: a layout directory, or an archive of one. */
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { type Readable, Transform, type TransformCallback } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type { z } from "zod";
import { UklError } from "../errors.js";
import { type Command, lastLines } from "../host/exec.js";
import { readInput, readStart } from "../host/files.js";
import { start } from "../host/spawn.js";
import { parseJson } from "../json.js";
import { malformedContainer } from "./container-errors.js";

/** Where a part is by its name in the image. */
export type LocatePart = (name: string) => string;

export interface UnpackOptions {
  readonly scratch: string;
  readonly limitBytes: number;
}

export interface Budget {
  /** What is left of what archives may unpack to. */
  bytesLeft: number;
}

const jsonLimitBytes = 16 * 1024 * 1024;

export function hasPart(locate: LocatePart, name: string): boolean {
  return existsSync(locate(name));
}

/** A JSON document of the image. Throws UKL-230; UKL-231 when it is not the one that its digest names. */
export async function readDocument<Schema extends z.ZodType>(
  location: string,
  schema: Schema,
  { what, digest }: { readonly what: string; readonly digest?: string },
): Promise<z.output<Schema>> {
  const bytes = await readInput(location).catch(() => undefined);
  if (bytes === undefined) throw malformedContainer(what, "the file is not there");
  if (bytes.length > jsonLimitBytes) throw malformedContainer(what, `it has ${bytes.length} bytes`);
  if (digest !== undefined) checkDigest(createHash("sha256").update(bytes).digest("hex"), digest, what);
  const result = schema.safeParse(parseJson(bytes.toString("utf8")));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw malformedContainer(what, `${issue?.path.join(".") || "it"}: ${issue?.message}`);
}

export function blobName(digest: string): string {
  return `blobs/sha256/${digest.replace("sha256:", "")}`;
}

/** Throws UKL-231. */
function checkDigest(found: string, digest: string, what: string): void {
  if (digest === `sha256:${found}`) return;
  throw new UklError("UKL-231", {
    what: `${what} is not what its digest says`,
    cause: `its digest is to be ${digest}, and is sha256:${found}`,
    fix: "fetch the image again",
  });
}

/** The digest of a file as it is stored. */
export async function checkFile(location: string, digest: string, what: string): Promise<void> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(location), hash).catch(() => {
    throw malformedContainer(what, "the file is not there");
  });
  checkDigest(hash.digest("hex"), digest, what);
}

/**
 * Gives `use` the unpacked bytes of a layer, no more than the budget has left. Its digest is known when all was read:
 * throws UKL-231 then, UKL-230 where it breaks off, and UKL-234 for one too big.
 */
export async function withLayer(
  location: string,
  { what, digest, budget }: { what: string; digest: string; budget: Budget },
  use: (bytes: Readable) => Promise<void>,
): Promise<void> {
  const meter = new Meter(what, budget);
  await withUnpacked(location, meter, use);
  checkDigest(meter.hash.digest("hex"), digest, what);
}

/** The same of any file, whose content says how it is compressed: names and media types are often wrong. */
export async function withUnpacked(
  location: string,
  meter: Meter,
  use: (bytes: Readable) => Promise<void>,
): Promise<void> {
  const magic = Buffer.from(await readStart(location, magicBytes)).toString("hex");
  const packed = createReadStream(location);
  const tool = decompressorFor(magic);
  if (tool !== undefined) return useMetered(decompress(tool, packed, meter), meter, use);
  const isGzip = magic.startsWith("1f8b");
  await useMetered(isGzip ? pipeline(packed, createGunzip(), meter) : pipeline(packed, meter), meter, use);
}

const magicBytes = 6;

/** What Node 20 cannot do: zstd (RFC 8878, with frames to be skipped in front), xz and bzip2. */
function decompressorFor(magic: string): Command | undefined {
  if (/^(?:28b52ffd|5[0-9a-f]2a4d18)/.test(magic)) {
    return { tool: "zstd", args: ["-d", "-q", "-c", "--memory=128MB"] };
  }
  if (magic === "fd377a585a00") {
    return { tool: "xz", args: ["-d", "-q", "-c", "--memlimit-decompress=256MiB"] };
  }
  return magic.startsWith("425a68") ? { tool: "bzip2", args: ["-d", "-q", "-c"] } : undefined;
}

async function decompress(command: Command, packed: Readable, meter: Meter): Promise<void> {
  const tool = start(command);
  try {
    const [fed, flowed] = await Promise.allSettled([
      pipeline(packed, tool.stdin),
      pipeline(tool.stdout, meter, { end: false }),
    ]);
    if (flowed.status === "rejected") throw flowed.reason;
    const { exitStatus, stderr } = await tool.ended;
    const cause =
      exitStatus === 0 ? undefined : lastLines(stderr, 2) || `${command.tool} ended with ${exitStatus}`;
    if (cause !== undefined) throw malformedContainer(meter.what, cause);
    // It has read what it wanted: the digest tells whether that was all.
    void fed;
    meter.end();
  } catch (error) {
    meter.destroy(error instanceof Error ? error : undefined);
    throw error;
  } finally {
    tool.kill();
    await tool.ended;
  }
}

/** Gives `use` what flows into a meter. Throws UKL-234 when that is too much, and UKL-230 when it breaks off. */
export async function useMetered(
  flow: Promise<void>,
  meter: Meter,
  use: (bytes: Readable) => Promise<void>,
): Promise<void> {
  const [flowed, used] = await Promise.allSettled([flow, use(meter)]);
  if (meter.failure !== undefined) throw meter.failure;
  if (used.status === "rejected") throw used.reason;
  if (flowed.status === "rejected") throw malformedContainer(meter.what, String(flowed.reason));
}

/** Counts and hashes what passes. */
export class Meter extends Transform {
  readonly hash = createHash("sha256");
  failure: UklError | undefined;

  constructor(
    readonly what: string,
    private readonly budget: Budget,
  ) {
    super();
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    this.budget.bytesLeft -= chunk.length;
    if (this.budget.bytesLeft < 0) {
      this.failure = tooBig(this.what);
      done(this.failure);
    } else {
      this.hash.update(chunk);
      done(null, chunk);
    }
  }
}

function tooBig(what: string): UklError {
  return new UklError("UKL-234", {
    what: `${what} is too big`,
    cause: "archives would unpack to more than is allowed",
    fix: "if that is meant, allow more with --unpack-limit SIZE",
  });
}
