// SPDX-License-Identifier: MIT
/** The edges of a graph as columns of numbers: a large program has a million, and as objects they were most of the garbage. */

/** Told in place of a distance where an address is only taken or held. */
const noCall = -1;
const firstCapacity = 1 << 16;

/** Nodes are their ids. The edges of one node are side by side. */
export class Edges {
  #targets = new Int32Array(firstCapacity);
  /** For a call twice its distance from the start of the function, and one more for a jump. */
  #calls = new Int32Array(firstCapacity);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  addCall(target: number, distance: number, tail: boolean): void {
    this.#add(target, distance * 2 + (tail ? 1 : 0));
  }

  /** An address that is taken or held. */
  addHeld(target: number): void {
    this.#add(target, noCall);
  }

  targetOf(edge: number): number {
    return this.#targets[edge] as number;
  }

  isCall(edge: number): boolean {
    return this.#calls[edge] !== noCall;
  }

  /** Of a call, from the start of the function. */
  distanceOf(edge: number): number {
    return (this.#calls[edge] as number) >> 1;
  }

  /** Whether a call is a jump, which leaves no return address. */
  isTail(edge: number): boolean {
    return this.isCall(edge) && ((this.#calls[edge] as number) & 1) === 1;
  }

  #add(target: number, call: number): void {
    if (this.#count === this.#targets.length) {
      this.#targets = grown(this.#targets);
      this.#calls = grown(this.#calls);
    }
    this.#targets[this.#count] = target;
    this.#calls[this.#count] = call;
    this.#count++;
  }
}

/** A longer column, in which there is a place for `index`. */
export function grown(column: Int32Array, index = column.length): Int32Array<ArrayBuffer> {
  const more = new Int32Array(index + (index >> 1) + 1);
  more.set(column);
  return more;
}
