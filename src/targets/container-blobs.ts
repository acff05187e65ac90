// SPDX-License-Identifier: MIT
/** The parts of a container image, whichever way it is stored: a layout directory, or an archive of one. */
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { join } from "node:path";
import { type Readable, Transform, type TransformCallback } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type { z } from "zod";
import { UklError } from "../errors.js";
import { attempt, lastLines } from "../host/exec.js";
import { readInput, readStart } from "../host/files.js";
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
 * throws UKL-231 then, and UKL-234 for one too big.
 */
export async function withLayer(
  location: string,
  { what, digest, budget, scratch }: { what: string; digest: string; budget: Budget; scratch: string },
  use: (bytes: Readable) => Promise<void>,
): Promise<void> {
  const start = Buffer.concat([await readStart(location, 4), Buffer.alloc(4)]);
  const isZstd = start.readUInt32LE(0) === 0xfd2fb528;
  const packed = createReadStream(isZstd ? await unpackZstd(location, { what, budget, scratch }) : location);
  const meter = new Meter(what, budget);
  const isGzip = start.readUInt16BE(0) === 0x1f8b;
  const flow = isGzip ? pipeline(packed, createGunzip(), meter) : pipeline(packed, meter);
  await useMetered(flow, meter, use);
  checkDigest(meter.hash.digest("hex"), digest, what);
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

/** Node 20 cannot, and what the tool writes must have an end. */
async function unpackZstd(
  location: string,
  { what, budget, scratch }: { what: string; budget: Budget; scratch: string },
): Promise<string> {
  const output = join(scratch, "layer.tar");
  const { exitStatus, stderr } = await attempt({
    tool: "prlimit",
    args: [
      `--fsize=${budget.bytesLeft + 1}`,
      "--",
      "zstd",
      "-d",
      "-q",
      "-f",
      "--memory=128MB",
      "-o",
      output,
      location,
    ],
  });
  if (exitStatus === 0) return output;
  if (/File too large/i.test(stderr) || exitStatus === 128) throw tooBig(what);
  throw malformedContainer(what, lastLines(stderr, 2) || `zstd ended with ${exitStatus}`);
}

function tooBig(what: string): UklError {
  return new UklError("UKL-234", {
    what: `${what} is too big`,
    cause: "archives would unpack to more than is allowed",
    fix: "if that is meant, allow more with --unpack-limit SIZE",
  });
}
