// SPDX-License-Identifier: MIT
// coreutils: each its own program, run the way scripts do.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A rename there fails with EXDEV, and mv has to copy. */
const otherDevice = `/dev/shm/inspect-moved-${process.pid}`;

const commands = {
  ls: [
    ["-la", "."],
    ["-R", "--color=always", "."],
    ["-lZ", "."],
  ],
  cp: [
    ["text", "copy"],
    ["-a", "folder", "folder2"],
    ["--reflink=auto", "--sparse=always", "large", "large2"],
  ],
  mv: [
    ["text", "moved"],
    ["moved", "folder"],
    ["large", otherDevice],
    [otherDevice, "l"],
  ],
  rm: [["text"], ["-rf", "folder"]],
  ln: [
    ["text", "hard"],
    ["-s", "text", "soft"],
    ["-sf", "text", "soft"],
  ],
  mkdir: [
    ["-p", "x/y/z"],
    ["-m", "700", "private"],
  ],
  touch: [["new"], ["-d", "2020-01-01", "text"]],
  chmod: [
    ["600", "text"],
    ["-R", "a+rX", "folder"],
  ],
  chown: [["-R", `${process.getuid()}:${process.getgid()}`, "folder"]],
  cat: [["text"], ["text", "large"]],
  head: [
    ["-n", "3", "text"],
    ["-c", "5", "large"],
  ],
  tail: [
    ["-n", "3", "text"],
    ["-c", "5", "large"],
    ["-F", "--pid=1999999999", "-s", "0.1", "text"],
  ],
  sort: [
    ["-rn", "text"],
    ["-S", "100k", "--parallel=2", "long"],
    ["-u", "-o", "sorted", "text"],
  ],
  wc: [["text", "large"]],
  dd: [
    ["if=large", "of=out", "bs=64k", "conv=fsync"],
    ["if=/dev/zero", "of=out", "bs=1k", "count=3", "seek=5"],
  ],
  df: [[], ["-h", "."], ["-i"]],
  du: [["-sh", "."]],
  stat: [["text"], ["-f", "."]],
  sha256sum: [["text", "large"]],
  date: [[], ["-u", "-r", "text"]],
  id: [[], ["root"]],
  uname: [["-a"]],
  sleep: [["0.1"]],
  timeout: [["2", "true"]],
  tee: [["copy"]],
  mktemp: [["-p", "."]],
  truncate: [["-s", "1M", "text"]],
  sync: [["text"]],
  install: [["-m", "755", "text", "installed"]],
  nproc: [[]],
  env: [["true"]],
  true: [[]],
};

export const workloads = Object.entries(commands).map(([name, argumentLists]) => ({
  name,
  binary: `/bin/${name}`,
  run: (context) => run(context, argumentLists),
}));

async function run(context, argumentLists) {
  const file = (name, content) => writeFileSync(join(context.scratch, name), content);
  mkdirSync(join(context.scratch, "folder", "inner"), { recursive: true });
  file("text", "3 three\n1 one\n2 two\n");
  file("folder/inner/text", "inside\n");
  file("large", Buffer.alloc(2 << 20));
  file("long", Array.from({ length: 200_000 }, (_, index) => `${(index * 7919) % 100_003}\n`).join(""));
  for (const args of argumentLists)
    await context.trace(args, { input: "from standard input\n", expect: [0, 1] });
}
