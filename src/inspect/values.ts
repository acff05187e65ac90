// SPDX-License-Identifier: MIT
/**
 * What a register or stack slot can hold, for the question which number a system call gets.
 *
 * A value is a small set of constants, of things the function was given (so that its callers decide), and
 * perhaps something unknown. A distance from the stack pointer at entry is a kind of its own. There is one
 * object for each value, so that equal values are the same object, and joining two is looked up.
 */

/**
 * What a function was given: a register, a stack slot above the return address, a word behind a register, a
 * word of static data, or a word behind a pointer that is kept there.
 */
export type Input =
  | { readonly kind: "register"; readonly register: number }
  | { readonly kind: "slot"; readonly offset: number }
  | { readonly kind: "word"; readonly register: number; readonly offset: number }
  | { readonly kind: "static"; readonly address: number }
  | { readonly kind: "behind static"; readonly address: number; readonly offset: number };

export interface Value {
  /** In rising order. */
  readonly constants: readonly number[];
  readonly inputs: readonly Input[];
  /** Bytes from the stack pointer at entry; then there is nothing else. */
  readonly frame: number | undefined;
  readonly unknown: boolean;
  /** What this value joined with others gives, once computed. */
  readonly joined: Map<Value, Value>;
}

const mostConstants = 32;
const mostInputs = 8;

const all = new Map<string, Value>();

export const unknown: Value = intern([], [], undefined, true);

/** What is never used: no value at all. */
export const nothing: Value = intern([], [], undefined, false);

export function constant(value: number): Value {
  return intern([value], [], undefined, false);
}

export function input(given: Input): Value {
  return intern([], [given], undefined, false);
}

export function frameAddress(offset: number): Value {
  return intern([], [], offset, false);
}

/** What holds one value or the other. */
export function join(left: Value, right: Value): Value {
  if (left === right) return left;
  const known = left.joined.get(right);
  if (known !== undefined) return known;
  const joined = computeJoin(left, right);
  left.joined.set(right, joined);
  return joined;
}

function computeJoin(left: Value, right: Value): Value {
  if (left.frame !== undefined || right.frame !== undefined) return unknown;
  const constants = [...new Set([...left.constants, ...right.constants])];
  const inputs = [
    ...new Map([...left.inputs, ...right.inputs].map((each) => [inputKey(each), each])).values(),
  ];
  if (constants.length > mostConstants || inputs.length > mostInputs) return unknown;
  return intern(constants, inputs, undefined, left.unknown || right.unknown);
}

/** Applies an operation to every constant; anything else becomes unknown. */
export function mapConstants(value: Value, operation: (constant: number) => number): Value {
  if (value.constants.length === 0) return unknown;
  const constants = [...new Set(value.constants.map(operation))];
  return intern(constants, [], undefined, value.unknown || value.inputs.length > 0);
}

export function inputKey(given: Input): string {
  switch (given.kind) {
    case "register":
      return `r${given.register}`;
    case "slot":
      return `s${given.offset}`;
    case "word":
      return `w${given.register}+${given.offset}`;
    case "static":
      return `d${given.address}`;
    default:
      return `b${given.address}+${given.offset}`;
  }
}

function intern(constants: number[], inputs: Input[], frame: number | undefined, isUnknown: boolean): Value {
  constants.sort((left, right) => left - right);
  const inputKeys = inputs.map(inputKey).sort();
  const key = `${constants.join()}|${inputKeys.join()}|${frame ?? ""}|${isUnknown}`;
  const known = all.get(key);
  if (known !== undefined) return known;
  const value: Value = { constants, inputs, frame, unknown: isUnknown, joined: new Map() };
  all.set(key, value);
  return value;
}
