// SPDX-License-Identifier: MIT
/** The addresses that code mentions: a million in a large program, so they are kept as columns, one set a module. */

/** Code takes the address, or it reads or only writes there. */
export const ReferenceKind = { address: 0, load: 1, store: 2 } as const;
export type ReferenceKind = (typeof ReferenceKind)[keyof typeof ReferenceKind];

/** Told of each: the address, and how much is read or written there at most. */
export type SeeReference = (target: number, kind: ReferenceKind, sizeBytes: number) => void;

const firstCapacity = 1 << 10;

export class References {
  #targets = new Float64Array(firstCapacity);
  #kinds = new Uint8Array(firstCapacity);
  #sizes = new Uint8Array(firstCapacity);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(target: number, kind: ReferenceKind, sizeBytes: number): void {
    if (this.#count === this.#targets.length) this.#grow();
    this.#targets[this.#count] = target;
    this.#kinds[this.#count] = kind;
    this.#sizes[this.#count] = sizeBytes;
    this.#count++;
  }

  /** Those from index `first` up to `end`. */
  forEach(first: number, end: number, see: SeeReference): void {
    for (let index = first; index < end; index++) {
      const kind = this.#kinds[index] as ReferenceKind;
      see(this.#targets[index] as number, kind, this.#sizes[index] as number);
    }
  }

  #grow(): void {
    const capacity = this.#count + (this.#count >> 1);
    const targets = new Float64Array(capacity);
    const kinds = new Uint8Array(capacity);
    const sizes = new Uint8Array(capacity);
    targets.set(this.#targets);
    kinds.set(this.#kinds);
    sizes.set(this.#sizes);
    this.#targets = targets;
    this.#kinds = kinds;
    this.#sizes = sizes;
  }
}
