// SPDX-License-Identifier: MIT
/** A machine is a program with lines: a shell has them too. */
import { expect, test } from "vitest";
import { boot } from "../../src/vm/machine.js";

const say = (script: string) => boot({ tool: "sh", args: ["-c", `{ ${script}; } >&3`] });

test("how the application fared is known, however much was said in between", async () => {
  const { messages } = await say(
    "echo streams; echo start; yes 'masked sync 0x401000 /bin/program' | head -5000; echo exit 7",
  );
  const of = (wanted: string) => messages.filter(({ kind }) => kind === wanted);
  expect(of("exit")).toEqual([{ kind: "exit", status: 7 }]);
  expect([of("streams").length, of("start").length]).toEqual([1, 1]);
  expect(of("masked").length).toBeLessThan(5000);
});

test("what is said again and again is not kept without end", async () => {
  const { messages } = await say("yes 'exit 7' | head -5000");
  expect(messages.length).toBeLessThan(2000);
  expect(messages[0]).toEqual({ kind: "exit", status: 7 });
});

test("why an application was not started is known as well", async () => {
  const { messages } = await say("yes 'tried sync 1' | head -5000; echo error execve 2");
  expect(messages.at(-1)).toEqual({ kind: "error", what: "execve", errno: 2 });
});
