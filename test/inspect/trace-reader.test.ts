// SPDX-License-Identifier: MIT
/** What is read from a trace. The lines are strace's own, shortened; those of 32-bit calls and signals as well. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Seen, TraceReader, type TraceReaderOptions } from "../../src/inspect/trace-reader.js";
import { openWorkshop } from "../elf/toolchain.js";
import { randomFrom } from "../support/random.js";

const workshop = openWorkshop();

function read(lines: string | readonly string[], options: Partial<TraceReaderOptions> = {}): Seen {
  const reader = new TraceReader({ isTarget: (path) => path === "/bin/target", ...options });
  for (const line of typeof lines === "string" ? lines.split("\n") : lines) reader.read(line);
  return reader.seen();
}

const start = `10 [  59] execve("/bin/target", [...], 0x7ffd1 /* 35 vars */) = 0`;
const counts = ({ calls }: Seen) => Object.fromEntries(calls.map(({ name, count }) => [name, count]));

test("calls are counted once, in one line or in two, and strace's own execve is not", () => {
  const seen = read(`${start}
10 [   0] read(0, <unfinished ...>
10 [   0] <... read resumed>"", 4096)     = 0
10 [  39] getpid()                        = 10
10 [  39] getpid()                        = 10
10 [ 231] exit_group(0)                   = ?
10 [ 231] +++ exited with 3 +++`);
  expect(counts(seen)).toEqual({ read: 1, getpid: 2, exit_group: 1 });
  expect(seen).toMatchObject({ started: true, end: { exitStatus: 3 } });
});

test("signals, what the kernel restarts and calls without a number are not the program's", () => {
  const seen = read(`${start}
10 [ 230] clock_nanosleep(CLOCK_REALTIME, 0, {...}, {...}) = ? ERESTART_RESTARTBLOCK (Interrupted by signal)
10 [ 230] --- SIGWINCH {si_signo=SIGWINCH, si_code=SI_USER} ---
10 [ 219] restart_syscall(<... resuming interrupted clock_nanosleep ...>) = 0
10 [???] ???( <unfinished ...>
10 [???] syscall_0xffffffffffffffff(0, 0) = -1 ENOSYS (Function not implemented)
10 [1000] syscall_0x3e8(0x1)              = -1 ENOSYS (Function not implemented)
10 [1073741825] write(1, NULL, 0)         = -1 ENOSYS (Function not implemented)
10 [ 230] +++ killed by SIGKILL (core dumped) +++`);
  expect(counts(seen)).toEqual({ clock_nanosleep: 1 });
  expect(seen.end).toEqual({ signal: "SIGKILL" });
});

test("a call that is newer than strace goes by its number", () => {
  expect(counts(read([start, "10 [ 462] syscall_0x1ce(0, 0, 0) = -1 EINVAL (Invalid argument)"]))).toEqual({
    mseal: 1,
  });
});

test("a child that runs before its parent's fork has returned is the parent's", () => {
  const forked = (parent: string) => `${start}
10 [  56] clone(child_stack=NULL, flags=SIGCHLD) = 11
11 [  59] execve("/bin/other", [...], 0x7ffd1 /* 35 vars */) = 0
11 [ 112] setsid()                        = 11
${parent} [  58] vfork( <unfinished ...>
12 [ 110] getppid()                       = 10
12 [ 435] clone3({flags=0}, 88 <unfinished ...>
13 [ 186] gettid()                        = 13
13 [ 186] +++ exited with 0 +++
12 [ 435] <... clone3 resumed> => {parent_tid=[13]}, 88) = 13
${parent} [  58] <... vfork resumed>)     = 12
12 [ 102] getuid()                        = 0`;
  const own = { clone: 1, execve: 1, vfork: 1, getppid: 1, clone3: 1, gettid: 1, getuid: 1 };
  expect(counts(read(forked("10")))).toEqual(own);
  const seen = read(forked("11"));
  expect(counts(seen)).toEqual({ clone: 1, execve: 1 });
  expect([...seen.executed]).toEqual(["/bin/other"]);
});

test("a process that executes the program again stays the program, however it names it", () => {
  const again = (path: string) => `${start}
10 [ 322] execveat(3</bin>, "${path}", [...], 0x7 /* 2 vars */, AT_EMPTY_PATH <unfinished ...>
10 [ 322] <... execveat resumed>)         = 0
10 [  39] getpid()                        = 10`;
  for (const path of ["target", "/proc/self/exe", "/bin/target"]) {
    expect(counts(read(again(path)))).toEqual({ execveat: 1, getpid: 1 });
  }
  expect(counts(read(again("false")))).toEqual({ execveat: 1 });
});

test("a thread that executes a file takes the place of the first one", () => {
  const seen = read(`${start}
10 [ 435] clone3({flags=CLONE_THREAD}, 88) = 11
11 [  59] execve("/bin/other", [...], 0x7 /* 2 vars */ <unfinished ...>
10 [  59] +++ superseded by execve in pid 11 +++
10 [  59] <... execve resumed>)           = 0
10 [ 112] setsid()                        = 10
10 [ 112] +++ exited with 0 +++`);
  expect(counts(seen)).toEqual({ clone3: 1, execve: 1 });
  expect(seen.end).toEqual({ exitStatus: 0 });
});

test("a file that is mapped as code is named as it is, and one that is not mapped is not", () => {
  const map = (rest: string) => `10 [   9] mmap(NULL, 4096, ${rest}`;
  const seen = read([
    start,
    map(
      String.raw`PROT_READ|PROT_EXEC, MAP_PRIVATE, 3</tmp/a\74b\76c, d\n\"\303\251.so>, 0) = 0x7f27dc7e3000`,
    ),
    map("PROT_READ, MAP_PRIVATE, 3</tmp/data>, 0) = 0x7f27dc7e3000"),
    map("PROT_READ|PROT_EXEC, MAP_PRIVATE, 3</tmp/noexec>, 0) = -1 EPERM (Operation not permitted)"),
    map("PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f27dc7e3000"),
    map("PROT_EXEC, MAP_PRIVATE, 3</tmp/late.so>, 0 <unfinished ...>"),
  ]);
  expect([...seen.mapped]).toEqual(['/tmp/a<b>c, d\n"é.so', "/tmp/late.so"]);
});

/** Makes a call of the 32-bit table, one of the 64-bit one, and again one of each. */
const bothTables = `.globl _start
_start: mov $20, %eax        # getpid in the 32-bit table, writev in the 64-bit one
        int $0x80
        mov $39, %eax        # getpid in the 64-bit table
        syscall
        mov $102, %eax       # socketcall, which the 64-bit table does not have
        xor %ebx, %ebx
        int $0x80
        mov $60, %eax
        xor %edi, %edi
        syscall
`;

/** strace's own words about that program: of this host, where its kernel has the 32-bit table, and recorded ones. */
function tracesOfBothTables(): readonly string[] {
  const recorded = readFileSync(new URL("traces/both-tables.txt", import.meta.url), "latin1");
  workshop.write("both.s", bothTables);
  workshop.run("gcc", "-nostdlib", "-static", "both.s", "-o", "both");
  const { status, signal } = spawnSync(join(workshop.directory, "both"));
  // A kernel without that table has no such gate for programs.
  if (status !== 0) expect(signal).toBe("SIGSEGV");
  else workshop.run("strace", "-f", "-n", "-o", "trace", "./both");
  return status === 0 ? [recorded, workshop.read("trace").toString("latin1")] : [recorded];
}

test("calls through the 32-bit table are told apart, by what strace says of a program that makes both", () => {
  for (const trace of tracesOfBothTables()) {
    const { calls } = read(trace, { isTarget: () => true });
    expect(calls).toEqual([
      { name: "getpid", abi: "i386", count: 1 },
      { name: "getpid", abi: "x86-64", count: 1 },
      { name: "socketcall", abi: "i386", count: 1 },
      { name: "exit", abi: "x86-64", count: 1 },
    ]);
  }
});

test("a trace that breaks off or lies is read as far as it makes sense", () => {
  expect(read("").started).toBe(false);
  expect(read(start.replace("= 0", "= -1 EACCES (Permission denied)")).started).toBe(false);
  expect(counts(read([start, "10 [   1] wri", "10 [   9] mmap(", `10 [  59] execve("/bin/o`]))).toEqual({
    mmap: 1,
    execve: 1,
  });
  // A process that is its own child, and two that are each other's.
  const children = ["20 [  57] fork() = 20", "21 [  57] fork() = 22", "22 [  57] fork() = 21"];
  expect(counts(read([start, ...children, ...children]))).toEqual({ fork: 6 });
});

test("lines damaged at random are no reason to fail", () => {
  const random = randomFrom(7);
  workshop.run("strace", "-f", "-q", "-n", "-y", "-s", "0", "-o", "shell", "sh", "-c", "(ls / | wc); true");
  const whole = workshop.read("shell");
  for (let round = 0; round < 100; round++) {
    const damaged = Buffer.from(whole.subarray(0, random(whole.length)));
    for (let flip = 0; flip < 200; flip++) damaged[random(damaged.length)] = random(256);
    expect(() => read(damaged.toString("latin1"))).not.toThrow();
  }
});

test("more processes than a machine has are refused", () => {
  const lines = function* () {
    yield start;
    for (let pid = 20; pid < 200_000; pid++) yield `${pid} [  39] getpid() = 1`;
  };
  expect(() => read([...lines()])).toThrow(expect.objectContaining({ code: "UKL-701" }));
});
