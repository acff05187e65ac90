// SPDX-License-Identifier: MIT
/** Values that are computed when first asked for, and then kept. */

export function once<T>(compute: () => T): () => T {
  let kept: { readonly value: T } | undefined;
  return () => {
    kept ??= { value: compute() };
    return kept.value;
  };
}
