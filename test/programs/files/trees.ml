(* SPDX-License-Identifier: MIT *)
(* A tree that is too large for the minor heap, and an exception out of its depth. *)
module Numbers = Set.Make (Int)

exception Found of int

let () =
  let numbers = List.init 100_000 (fun n -> n * 7919 mod 100_003) in
  let tree = List.fold_left (fun set n -> Numbers.add n set) Numbers.empty numbers in
  Gc.full_major ();
  Printf.printf "%d of %d\n" (Numbers.cardinal tree) (List.length numbers);
  try Numbers.iter (fun n -> if n > 500 then raise (Found n)) tree
  with Found n -> Printf.printf "found %d\n" n
