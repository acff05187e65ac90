// SPDX-License-Identifier: MIT
/** What roots lead to: nodes in the order in which they were found, and from where each was found first. */
import { addId, allocate, enlarge, tell } from "./code";
import { edge, withEdges } from "./edges";
import { Module } from "./modules";
import { nodeAt, table } from "./nodes";

/** Whether an edge to a guarded node is followed. */
declare function passes(from: u32, target: u32, isCall: bool): bool;

@unmanaged
export class Reach {
  /** Ids, by the order of finding. */
  nodes: usize = 0;
  /** In the same order: the node that led there first, or for a root a negative number. */
  from: usize = 0;
  /** Whether some way to it is a pointer. */
  taken: usize = 0;
  count: u32 = 0;
  room: u32 = 0;
  /** By id: where in that order, counted from 1. */
  places: usize = 0;
  placesRoom: u32 = 0;

  nodeAt(index: u32): u32 {
    return load<u32>(this.nodes + ((<usize>index) << 2));
  }

  fromAt(index: u32): i32 {
    return load<i32>(this.from + ((<usize>index) << 2));
  }

  isTakenAt(index: u32): bool {
    return load<u8>(this.taken + index) !== 0;
  }

  placeOf(id: u32): u32 {
    return id < this.placesRoom ? load<u32>(this.places + ((<usize>id) << 2)) : 0;
  }

  /** Notes one way to a node. */
  add(id: u32, from: i32, isTaken: bool): void {
    const known = this.placeOf(id);
    if (known > 0) {
      if (isTaken) store<u8>(this.taken + known - 1, 1);
      return;
    }
    if (this.count === this.room) this.grow();
    if (id >= this.placesRoom) this.growPlaces(id);
    const index = this.count++;
    store<u32>(this.nodes + ((<usize>index) << 2), id);
    store<i32>(this.from + ((<usize>index) << 2), from);
    store<u8>(this.taken + index, isTaken ? 1 : 0);
    store<u32>(this.places + ((<usize>id) << 2), this.count);
  }

  grow(): void {
    const old = this.room;
    const room = max(old * 2, <u32>(1 << 12));
    this.nodes = enlarge(this.nodes, (<usize>old) << 2, (<usize>room) << 2);
    this.from = enlarge(this.from, (<usize>old) << 2, (<usize>room) << 2);
    this.taken = enlarge(this.taken, old, room);
    this.room = room;
  }

  growPlaces(id: u32): void {
    const room = max(id * 2, <u32>(1 << 14));
    this.places = enlarge(this.places, (<usize>this.placesRoom) << 2, (<usize>room) << 2);
    this.placesRoom = room;
  }
}

export function newReach(): Reach {
  return changetype<Reach>(allocate(offsetof<Reach>()));
}

export function addToReach(reach: Reach, id: u32, from: i32, isTaken: bool): void {
  reach.add(id, from, isTaken);
}

export function countReached(reach: Reach): u32 {
  return reach.count;
}

/** Where the ids are, by the order of finding. */
export function placesReached(reach: Reach): usize {
  return reach.nodes;
}

/** Where a node is in that order, counted from 1; 0 for one that was not reached. */
export function placeInReach(reach: Reach, id: u32): u32 {
  return reach.placeOf(id);
}

export function fromInReach(reach: Reach, place: u32): i32 {
  return reach.fromAt(place - 1);
}

export function isTakenInReach(reach: Reach, place: u32): bool {
  return reach.isTakenAt(place - 1);
}

/** Adds what another has. */
export function uniteReach(reach: Reach, other: Reach): void {
  for (let index: u32 = 0; index < other.count; index++)
    reach.add(other.nodeAt(index), other.fromAt(index), other.isTakenAt(index));
}

/** Breadth first, so that chains are short, from the nodes that were added from `first` on. */
export function spread(reach: Reach, first: u32): void {
  for (let next = first; next < reach.count; next++) {
    const from = reach.nodeAt(next);
    const node = withEdges(from);
    const end = node.endEdge;
    for (let each = node.firstEdge; each < end; each++) {
      const target = edge.target(each);
      const isCall = edge.isCall(each);
      // Of most edges nothing is learnt: they call what was reached before.
      if (isCall && reach.placeOf(target) > 0) continue;
      if (!nodeAt(target).isGuarded || passes(from, target, isCall)) reach.add(target, from, !isCall);
    }
  }
}

/** Whether something reached leads to a guarded node of another file. */
export function entersGuarded(reach: Reach): bool {
  for (let index: u32 = 0; index < reach.count; index++) {
    const node = withEdges(reach.nodeAt(index));
    for (let each = node.firstEdge; each < node.endEdge; each++) {
      const target = nodeAt(edge.target(each));
      if (target.isGuarded && target.module !== node.module) return true;
    }
  }
  return false;
}

/**
 * Writes down the functions of a file, or of all for null, that do something of `does`, or anything for 0. Returns how
 * many they are.
 */
export function functionsReached(reach: Reach, module: Module | null, does: u32): u32 {
  complete(reach);
  let found: u32 = 0;
  for (let index: u32 = 0; index < reach.count; index++) {
    const id = reach.nodeAt(index);
    const node = nodeAt(id);
    if (node.table !== table.functions || (module !== null && node.module !== changetype<usize>(module)))
      continue;
    if (does === 0 || (node.does & does) !== 0) addId(found++, id);
  }
  tell(0);
  return found;
}

/** Writes down what takes or holds the address of a node. Returns how many they are. */
export function holdersOf(reach: Reach, target: u32): u32 {
  complete(reach);
  let found: u32 = 0;
  for (let index: u32 = 0; index < reach.count; index++) {
    const id = reach.nodeAt(index);
    const node = nodeAt(id);
    for (let each = node.firstEdge; each < node.endEdge; each++) {
      if (edge.target(each) !== target || edge.isCall(each)) continue;
      addId(found++, id);
      break;
    }
  }
  tell(0);
  return found;
}

/** Looks at all that is reached, so that nothing gets a place in memory while an answer is written. */
export function complete(reach: Reach): void {
  for (let index: u32 = 0; index < reach.count; index++) withEdges(reach.nodeAt(index));
}

export function guard(id: u32, isGuarded: bool): void {
  nodeAt(id).isGuarded = isGuarded;
}

export function markResolver(id: u32): void {
  nodeAt(id).isResolver = true;
}
