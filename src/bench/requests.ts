// SPDX-License-Identifier: MIT
/** One connection to a server, one request at a time: to learn when it answers, and to count what an answer takes. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { UklError } from "../errors.js";
import type { Exchange } from "./servers.js";

const retryMs = 5;
/** A connection that was opened before the server listened may stay silent. */
const patienceMs = 2000;
const answerLimitBytes = 64 * 1024;

/** Resolves with the first right answer. Rejects with the reason of `signal`. */
export async function firstAnswer(port: number, exchange: Exchange, signal: AbortSignal): Promise<void> {
  while (!(await answers(port, exchange))) {
    signal.throwIfAborted();
    await sleep(retryMs, undefined, { signal });
  }
}

async function answers(port: number, exchange: Exchange): Promise<boolean> {
  return exchangeMany(port, exchange, 1, patienceMs).then(
    () => true,
    () => false,
  );
}

/** Sends a request so many times, each after the answer to the one before. Throws UKL-802. */
export function exchangeMany(
  port: number,
  { request, answer }: Exchange,
  count: number,
  limitMs: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let [left, text] = [count, ""];
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => socket.write(request));
    const fail = (cause: string) => end(socket, () => reject(noAnswer(port, cause)));
    socket.setTimeout(limitMs, () => fail(`it is silent for ${limitMs / 1000} s`));
    socket.on("error", ({ message }) => fail(message));
    socket.on("close", () => fail("it closed the connection"));
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (text.length > answerLimitBytes) return fail("its answer does not end");
      if (!answer.test(text)) return;
      text = "";
      left -= 1;
      if (left > 0) socket.write(request);
      else end(socket, resolve);
    });
  });
}

function end(socket: Socket, settle: () => void): void {
  socket.destroy();
  settle();
}

function noAnswer(port: number, cause: string): UklError {
  return new UklError("UKL-802", {
    what: `the server behind port ${port} does not answer as it should`,
    cause,
    fix: "run it with 'ukl run' and the same arguments, and see what it prints",
  });
}
