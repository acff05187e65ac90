// SPDX-License-Identifier: MIT
import { UklError } from "../errors.js";

export function malformedContainer(what: string, cause: string): UklError {
  return new UklError("UKL-230", {
    what: `${what} is malformed`,
    cause,
    fix: "make or fetch the image anew",
  });
}

export function unusableContainer(what: string, cause: string, fix: string): UklError {
  return new UklError("UKL-232", { what: `${what} cannot be used`, cause, fix });
}
