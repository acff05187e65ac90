// SPDX-License-Identifier: MIT
/** Which system call instructions of a file can become calls, and of the others why not (bindable.ts finds out). */
import { z } from "zod";

const address = z.int().nonnegative();

/** Bytes of code that can become a call, by addresses of the file. */
const bindableSite = z.object({
  at: address,
  sizeBytes: z.int().positive(),
  /** Of these bytes what comes in front of the call. */
  keptAt: address,
  keptBytes: z.int().nonnegative(),
  /** Of the system call; without it that is in RAX. */
  number: z.int().nonnegative().optional(),
  /** The number is in the stack's word so many bytes above RSP. */
  wordAt: z.int().nonnegative().optional(),
});

const leftSite = z.object({
  at: address,
  symbol: z.string(),
  reason: z.enum([
    "returns elsewhere",
    "red zone",
    "jump target",
    "too few bytes",
    "not followed",
    "other instruction",
  ]),
});

/** Of one file. */
export const bindings = z.object({
  path: z.string(),
  bindable: z.array(bindableSite),
  left: z.array(leftSite),
});

export type BindableSite = z.infer<typeof bindableSite>;
export type LeftSite = z.infer<typeof leftSite>;
export type LeftReason = LeftSite["reason"];
export type Bindings = z.infer<typeof bindings>;
