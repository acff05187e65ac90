// SPDX-License-Identifier: MIT
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const tries = 10_000;
const pauseMs = 5;

/** Sends a request to a server that starts, again and again until it answers; returns the answer. */
export async function firstAnswer(port, request, answer) {
  for (let count = 0; count < tries; count++) {
    const text = await ask(port, request, answer);
    if (answer.test(text)) return text;
    await sleep(pauseMs);
  }
  throw new Error("no answer");
}

/** What comes back until it is the answer, or until the connection ends. */
async function ask(port, request, answer) {
  const socket = connect(port, "127.0.0.1", () => socket.write(request));
  let text = "";
  socket.on("error", () => undefined);
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    if (answer.test(text)) socket.destroy();
  });
  await new Promise((resolve) => socket.on("close", resolve));
  return text;
}
