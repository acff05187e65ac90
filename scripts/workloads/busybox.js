// SPDX-License-Identifier: MIT
// busybox-static: busybox.sh, and a few applets by themselves.
import { fileURLToPath } from "node:url";
import { withWebServer } from "./support/web.js";

export const workloads = [{ name: "busybox", binary: "/bin/busybox", run }];

const script = fileURLToPath(new URL("busybox.sh", import.meta.url));

async function run(context) {
  await withWebServer(async (port) => {
    // Without these directories in PATH, every command is the applet.
    const env = { PATH: "/nowhere" };
    await context.trace(["sh", script, context.binary, `${port}`], { env });
  });
  await context.trace(["ls", "-la", "/"]);
  await context.trace(["hostname"]);
  await context.trace(["mount", "-t", "nosuchtype", "none", "/nonexistent"], { expect: [1, 255] });
}
