// SPDX-License-Identifier: MIT
/** A client of the host that waits for what a server says. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

export class Client {
  readonly socket: Socket;
  heard = "";
  #error: Error | undefined;

  constructor(port: number, host: string) {
    this.socket = connect({ port, host, allowHalfOpen: true });
    this.socket.on("data", (chunk: Buffer) => {
      this.heard += chunk.toString("latin1");
    });
    this.socket.on("error", (error) => {
      this.#error = error;
    });
  }

  /** Until that many characters are there, or the server's end. */
  async hear(count: number): Promise<string> {
    while (this.heard.length < count && !this.socket.readableEnded && this.#error === undefined) {
      await Promise.race(["data", "end", "close"].map((event) => once(this.socket, event))).catch(
        () => undefined,
      );
    }
    return this.#error === undefined ? this.heard : this.#error.message;
  }
}
