// SPDX-License-Identifier: MIT
// Reads what strace wrote: the names of the calls a program made, all of them and those after `main` began.
//
// Only the program's own processes count. A process that executes another file is that file's from then on, and
// so are its children; the execve itself is still the program's. A program that executes itself starts again.

/** Set by marker.c right before main. */
const mark = "close(-4242)";
/** Not made by the program: the kernel puts it in place of a call that a signal interrupted. */
const kernelMade = new Set(["restart_syscall"]);

/**
 * `isTarget` says whether a path names the traced program.
 * Returns the names seen, the names seen after main, and whether a mark was there at all.
 */
export function readTrace(text, isTarget) {
  const lines = text.split("\n").map(readLine).filter(Boolean);
  const childOf = linkChildren(lines);
  // The first line is strace's own execve: it starts the program.
  const states = new Map([[lines[0]?.pid, { own: true, main: false }]]);
  const seen = { all: new Set(), main: new Set(), marked: false };
  for (const [index, line] of lines.entries()) {
    if (index === 0) continue;
    const state = states.get(line.pid) ?? { own: false, main: false };
    if (line.text.startsWith(mark)) {
      seen.marked ||= state.own;
      state.main = state.own;
      continue;
    }
    if (line.name !== undefined && state.own && !kernelMade.has(line.name)) {
      seen.all.add(line.name);
      if (state.main) seen.main.add(line.name);
    }
    for (const child of childOf.get(index) ?? []) states.set(child, { ...state });
    states.set(line.pid, stateAfter(line, state, isTarget));
  }
  return seen;
}

/** `PID name(arguments) = result`, `PID name(arguments <unfinished ...>` or `PID <... name resumed>rest`. */
function readLine(text) {
  const line = /^(\d+) +(.*)$/.exec(text);
  if (line === null) return undefined;
  const [, pid, rest] = line;
  const resumed = /^<\.\.\. (\w+) resumed>/.exec(rest)?.[1];
  const name = resumed === undefined ? /^(\w+)\(/.exec(rest)?.[1] : undefined;
  const execPath = /^execve(?:at)?\((?:[^"]*?, )?"((?:[^"\\]|\\.)*)"/.exec(rest)?.[1];
  const result = / = (-?\d+)(?: |$)/.exec(rest.slice(rest.lastIndexOf(")") + 1))?.[1];
  return { pid, text: rest, name, resumed, execPath, result };
}

/** The children that begin with each call, by the index of the line where the call is entered. */
function linkChildren(lines) {
  const entered = new Map();
  const childOf = new Map();
  lines.forEach((line, index) => {
    const name = line.name ?? line.resumed;
    if (!/^(clone3?|v?fork)$/.test(name ?? "")) return;
    if (line.name !== undefined) entered.set(line.pid, index);
    const begin = entered.get(line.pid);
    if (begin === undefined || line.result === undefined || Number(line.result) <= 0) return;
    childOf.set(begin, [...(childOf.get(begin) ?? []), line.result]);
  });
  return childOf;
}

/** A successful execve may be reported in two lines; the path is in the first. */
function stateAfter(line, state, isTarget) {
  const execPath = line.execPath ?? state.execPath;
  const hasExecuted = /^execve(at)?$/.test(line.name ?? line.resumed ?? "") && line.result === "0";
  if (!hasExecuted) return { ...state, execPath };
  return { own: execPath === "/proc/self/exe" ? state.own : isTarget(execPath), main: false };
}
