// SPDX-License-Identifier: MIT
/**
 * The kernel's side tables: arrays of records, each about one place in the code (its owner). A record is
 * needed while its owner is, and is no reason to keep the owner.
 *
 * The formats are those of Linux 6.12 on x86-64, without kernel modules. What is found is compared with
 * them: a table that looks otherwise is kept as it is, with all it refers to.
 */

export interface SideTable {
  /** Size of a record; where it depends on the configuration, the sizes that it can have. */
  readonly recordBytes: readonly number[];
  /**
   * Where a record has its relocations, for each of the sizes: the first is its owner. What the others
   * name is needed as long as the record is.
   */
  readonly places: readonly (readonly number[])[];
}

const table = (recordBytes: number, ...places: readonly number[]): SideTable => ({
  recordBytes: [recordBytes],
  places: [places],
});

/** struct alt_instr: instruction, replacement, feature, then the lengths of the two. */
export const alternative = { sizeBytes: 14, replacement: 4, length: 13 } as const;

/** One place and nothing else. */
const listOfPlaces = table(4, 0);
const listOfAddresses = table(8, 0);

export const sideTables: ReadonlyMap<string, SideTable> = new Map([
  // struct exception_table_entry: instruction, fixup, type.
  ["__ex_table", table(12, 0, 4)],
  [".altinstructions", table(alternative.sizeBytes, 0, alternative.replacement)],
  // struct bug_entry, with file and line or without.
  ["__bug_table", { recordBytes: [12, 8], places: [[0, 4], [0]] }],
  // struct jump_entry: code, target, key.
  ["__jump_table", table(16, 0, 4, 8)],
  // struct static_call_site: call, key.
  [".static_call_sites", table(8, 0, 4)],
  [".smp_locks", listOfPlaces],
  [".retpoline_sites", listOfPlaces],
  [".return_sites", listOfPlaces],
  [".call_sites", listOfPlaces],
  [".ibt_endbr_seal", listOfPlaces],
  [".cfi_sites", listOfPlaces],
  // RUNTIME_CONST(): instructions that get a value at start.
  ["runtime_shift_d_hash_shift", listOfPlaces],
  ["runtime_ptr_dentry_hashtable", listOfPlaces],
  ["runtime_ptr_USER_PTR_MAX", listOfPlaces],
  ["__mcount_loc", listOfAddresses],
  ["__patchable_function_entries", listOfAddresses],
  ["_kprobe_blacklist", listOfAddresses],
  // struct error_injection_entry: function, type.
  ["_error_injection_whitelist", table(16, 0)],
]);
