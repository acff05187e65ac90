// SPDX-License-Identifier: MIT
/** The settings of the terminal that is our standard input, by stty(1). */
import { spawnSync } from "node:child_process";

/**
 * Hands the terminal over as it is: what is typed comes at once and unshown, and what is written is not changed. Node's
 * own raw mode still puts a carriage return in front of each line feed. Returns what gives the old settings back.
 */
export function makeTerminalRaw(): () => void {
  const before = stty("-g").trim();
  const setRaw = () => void stty("raw", "-echo");
  const restore = () => void stty(before);
  if (before === "") return () => undefined;
  setRaw();
  // A shell that stopped us and lets us go on has set its own meanwhile.
  process.on("SIGCONT", setRaw);
  process.on("exit", restore);
  return () => {
    process.off("SIGCONT", setRaw);
    process.off("exit", restore);
    restore();
  };
}

function stty(...words: string[]): string {
  const { stdout } = spawnSync("stty", words, { stdio: ["inherit", "pipe", "ignore"], encoding: "latin1" });
  return stdout ?? "";
}
