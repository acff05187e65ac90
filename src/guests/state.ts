// SPDX-License-Identifier: MIT
/** What is written down of a guest that runs by itself: one file, in a directory that has the guest's name. */
import { z } from "zod";
import { UklError } from "../errors.js";
import { processIdentity } from "../host/process.js";

/** Names of directories, and words of a command line. */
export const guestName = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;

export const guestState = z.strictObject({
  name: z.string().regex(guestName),
  /** As it was named to `ukl run`. */
  image: z.string(),
  mode: z.enum(["unikernel", "classic"]),
  memory: z.string(),
  cpus: z.int().min(1),
  ports: z.array(z.string()),
  startedAt: z.iso.datetime(),
  /** Who starts the machine, until it is there. */
  starter: processIdentity,
  machine: processIdentity.optional(),
  /** What asks its application to end, where that is not SIGTERM. */
  stopSignal: z.int().min(1).max(64).optional(),
  /** Whether the machine was ended before its application was. */
  wasEnded: z.boolean(),
});

export type GuestState = z.output<typeof guestState>;

/** Throws UKL-101. */
export function checkGuestName(name: string): string {
  if (guestName.test(name)) return name;
  throw new UklError("UKL-101", {
    what: `'${name}' is no name for a guest`,
    cause:
      "a name has letters, digits, '_', '.' and '-', begins with a letter or digit, and is at most 63 long",
    fix: "give another name with --guest",
  });
}

/** A name for guests of an image, from which that of the second one is made by a number. */
export function nameFromImage(image: string): string {
  const name = image.replaceAll(/[^A-Za-z0-9_.-]/g, "-").replace(/^[^A-Za-z0-9]+/, "");
  return name.slice(0, 50) || "guest";
}
