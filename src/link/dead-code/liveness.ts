// SPDX-License-Identifier: MIT
/** Which pieces of the kernel an image needs: those that are reached from its roots. */

import { type KernelObject, relocationRange, targetOffset, targetSection } from "./object.js";
import { isJump, type Pieces, pieceAt, replacementBytes } from "./pieces.js";

/** Symbols of the kernel object, by number. */
export interface Roots {
  readonly needed: Iterable<number>;
  /** Another object of the link defines these too, and wins: the kernel's are weak. */
  readonly replaced: ReadonlySet<number>;
}

const none = 0xffffffff;

/** One byte for each piece: 1 when it is needed. */
export function findLivePieces(object: KernelObject, pieces: Pieces, roots: Roots): Uint8Array {
  const { first, section: sectionOf, kinds } = pieces;
  const live = new Uint8Array(sectionOf.length);
  const pending: number[] = [];
  const need = (piece: number) => {
    if (live[piece] === 1) return;
    live[piece] = 1;
    pending.push(piece);
  };
  const records = recordsByOwner(object, pieces);

  for (const symbol of roots.needed) {
    const section = object.symbols.section[symbol] ?? 0;
    if (section > 0) need(pieceAt(pieces, section, object.symbols.value[symbol] ?? 0));
  }
  kinds.forEach((kind, section) => {
    if (kind === "root") need(first[section] ?? 0);
  });
  for (const record of records.ownerless) need(record);

  for (let piece = pending.pop(); piece !== undefined; piece = pending.pop()) {
    const [from, to] = relocationsOfPiece(object, pieces, piece);
    for (let index = from; index < to; index++) {
      const symbol = object.relocations.symbol[index] ?? 0;
      if (!roots.replaced.has(symbol)) needTarget(object, pieces, sectionOf[piece] ?? 0, index, need);
    }
    for (let record = records.firstOf[piece] ?? none; record !== none; ) {
      need(record);
      record = records.nextOf[record] ?? none;
    }
  }
  return live;
}

function needTarget(
  object: KernelObject,
  pieces: Pieces,
  source: number,
  index: number,
  need: (piece: number) => void,
): void {
  const target = targetSection(object, index);
  if (target <= 0) return;
  const kind = pieces.kinds[target];
  if (kind === "outside") return;
  const start = pieces.first[target] ?? 0;
  if (kind !== "replacements" && kind !== "detours") {
    need(start);
    return;
  }
  const offset = targetOffset(object, index) + (isJump(object, source, index) ? 4 : 0);
  const length = kind === "replacements" ? replacementBytes(object, source, index) : undefined;
  const last = pieceAt(pieces, target, offset + Math.max((length ?? 0) - 1, 0));
  for (let piece = pieceAt(pieces, target, offset); piece <= last; piece++) need(piece);
}

interface Records {
  /** The first record of each piece, and the record after each; `none` for no more. */
  readonly firstOf: Uint32Array;
  readonly nextOf: Uint32Array;
  /** Records about what is not among the pieces: they stay. */
  readonly ownerless: readonly number[];
}

function recordsByOwner(object: KernelObject, pieces: Pieces): Records {
  const { first, section: sectionOf, kinds } = pieces;
  const firstOf = new Uint32Array(sectionOf.length).fill(none);
  const nextOf = new Uint32Array(sectionOf.length).fill(none);
  const ownerless: number[] = [];
  kinds.forEach((kind, section) => {
    if (kind !== "table") return;
    for (let record = first[section] ?? 0; record < (first[section + 1] ?? 0); record++) {
      const [index] = relocationsOfPiece(object, pieces, record);
      const target = targetSection(object, index);
      if (target <= 0 || kinds[target] === "outside") {
        ownerless.push(record);
        continue;
      }
      const owner = pieceAt(pieces, target, targetOffset(object, index));
      nextOf[record] = firstOf[owner] ?? none;
      firstOf[owner] = record;
    }
  });
  return { firstOf, nextOf, ownerless };
}

export function relocationsOfPiece(
  object: KernelObject,
  pieces: Pieces,
  piece: number,
): readonly [number, number] {
  const section = pieces.section[piece] ?? 0;
  const [first, end] = relocationRange(object, section);
  const begins = pieces.first[section] ?? 0;
  const ends = (pieces.first[section + 1] ?? 0) - 1;
  const { offset } = object.relocations;
  const from = piece === begins ? first : lowerBound(offset, first, end, pieces.start[piece] ?? 0);
  const to = piece === ends ? end : lowerBound(offset, from, end, pieces.start[piece + 1] ?? 0);
  return [from, to];
}

/** The first index from `low` to before `high` whose value is not below `value`; `high` when all are. */
function lowerBound(sorted: Uint32Array, low: number, high: number, value: number): number {
  let [from, to] = [low, high];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle] ?? 0) < value) from = middle + 1;
    else to = middle;
  }
  return from;
}
