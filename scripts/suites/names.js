// SPDX-License-Identifier: MIT
/** Where a suite runs. */
export const modes = ["unikernel", "classic"];
export const machines = ["host", ...modes];
