// SPDX-License-Identifier: MIT
/** Addresses that are found by the bytes of instructions, wherever these begin. Each answers with how many there are. */
import { addAddress, code, tell } from "./code";

/** The targets of `call rel32`, up to the address `end`, that are in none of `count` functions: their starts and ends. */
export function calledOutside(end: f64, starts: usize, ends: usize, count: i32): i32 {
  let found = 0;
  for (let at = next(0xe8, code.place); at + 5 <= code.end; at = next(0xe8, at + 1)) {
    const target = code.start + <f64>(at - code.place) + 5 + <f64>load<i32>(at + 1);
    if (target < code.start || target >= end || isIn(target, starts, ends, count)) continue;
    addAddress(found++, target);
  }
  tell(0);
  return found;
}

function isIn(address: f64, starts: usize, ends: usize, count: i32): bool {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numberAt(starts, middle) <= address) low = middle + 1;
    else high = middle;
  }
  return low > 0 && address < numberAt(ends, low - 1);
}

function numberAt(numbers: usize, index: i32): f64 {
  return load<f64>(numbers + ((<usize>index) << 3));
}

/** What `lea disp(%rip), reg` takes the address of, in [low, high). */
export function relativeAddresses(low: f64, high: f64): i32 {
  let found = 0;
  for (let at = next(0x8d, code.place + 1); at + 7 <= code.end; at = next(0x8d, at + 1)) {
    if ((load<u8>(at - 1) & 0xf8) !== 0x48 || (load<u8>(at + 1) & 0xc7) !== 0x05) continue;
    const address = code.start + <f64>(at - code.place) + 6 + <f64>load<i32>(at + 2);
    if (address >= low && address < high) addAddress(found++, address);
  }
  tell(0);
  return found;
}

/** The same in programs at fixed addresses: `mov $imm, reg` and the table form `disp(,reg,8)`. */
export function absoluteAddresses(low: f64, high: f64): i32 {
  let found = 0;
  for (let at = code.place + 1; at + 7 <= code.end; at++) {
    const opcode = load<u8>(at);
    let address: f64;
    if (opcode >= 0xb8 && opcode <= 0xbf) address = <f64>load<u32>(at + 1);
    else if ((load<u8>(at + 1) & 0xc7) === 0x04 && (load<u8>(at + 2) & 7) === 5)
      address = <f64>load<u32>(at + 3);
    else continue;
    if (address >= low && address < high) addAddress(found++, address);
  }
  tell(0);
  return found;
}

/** The place of a byte, from `at` on; the end of the code or behind it when there is none. Eight are looked at in one go. */
function next(byte: u8, at: usize): usize {
  const pattern = <u64>byte * 0x0101010101010101;
  while (at < code.end) {
    const others = load<u64>(at) ^ pattern;
    // Only a byte of zero has its top bit set by the subtraction; above the lowest one borrowing may err, which is not used.
    const zeros = (others - 0x0101010101010101) & ~others & 0x8080808080808080;
    if (zeros !== 0) return at + <usize>(ctz(zeros) >> 3);
    at += 8;
  }
  return at;
}
