// SPDX-License-Identifier: MIT
/** What an image does with a system call that its application has no use for. */

/**
 * What a masked call gets: an error number, success, ENOSYS with a line about the first try, or SIGSYS. ENOSYS is
 * what an older kernel says, so C libraries fall back; EPERM they take for an answer.
 */
export const maskPolicies = ["enosys", "eperm", "log", "kill", "success"] as const;
export type MaskPolicy = (typeof maskPolicies)[number];
