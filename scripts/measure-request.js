// SPDX-License-Identifier: MIT
// Measures where the instructions of a GET of redis-server go, of one client over the network, in ring 3, bound, and
// with shortcuts: what system calls have in it. With --write the table goes into docs/calls.md.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compilePlugin } from "../dist/bench/plugins.js";
import { exchangeMany, firstAnswer } from "../dist/bench/requests.js";
import { servers } from "../dist/bench/servers.js";
import { median } from "../dist/bench/statistics.js";
import { freePort } from "../dist/host/ports.js";
import { run } from "../dist/run.js";
import { buildVariants, measureParts, partsTable, writeBelow } from "./measure/modes.js";

const document = new URL("../docs/calls.md", import.meta.url);
const program = "redis-server";
const timeoutMs = 120_000;
/** Each number is the median of so many runs, in which the variants take turns. */
const runs = 9;
/** The functions that do each part of the work, the first that fits. */
const parts = {
  "program and its libraries": /^\((init and the program|firmware)\)$/,
  "way in and out":
    /^(ukl_call|entry_SYSCALL|do_syscall|x64_sys_call|syscall_|swapgs_|arch_exit|__x64_sys|switch_fpu_return|__rseq|\(other\))/,
  "file of the number, position, checks":
    /^(ksys_|fdget|fdput|fput|__fget|ukl_|shared_|read_of|write_to|vfs_|sock_(read|write)_iter|socket_|sock_(recv|send)msg)/,
  epoll:
    /^(do_epoll|epoll|ep_|epi_|__x64_sys_epoll|select_estimate|sock_poll|tcp_poll|tcp_stream_memory_free)/,
  "interrupts, softirqs":
    /irq|interrupt|^(asm_|ct_nmi|error_|restore_regs|apic_|native_apic|fast_mix|net_rx_action|__local_bh)/,
  "the card and its queues":
    /^(virt|vring|vm_|detach_buf|start_xmit|receive_buf|page_to_skb|try_fill|free_old|__free_old|sg_|check_sq|__netif|netif|napi|__napi|dev_|__dev|sch_|validate_xmit|netdev)/,
  "TCP and IP":
    /^(_*tcp|_*ip|inet|_*inet|raw_local|cubictcp|minmax|sk_|_*sk_|sock_|lock_sock|release_sock|eth_type|csum|__skb_checksum|skb_checksum)/,
  "memory, copying":
    /^(_*skb|_*alloc|kmalloc|kmem|_*kfree|free_unref|get_page|page_frag|__build|__copy|_copy|copy|mem|rep_movs|__rmqueue|simple_copy)/,
};
const rest = "scheduler, clocks, timers";

const scratch = mkdtempSync(join(tmpdir(), "ukl-request-"));
try {
  const plugin = await compilePlugin("boot-profile", scratch);
  const images = buildVariants(program, scratch);
  const measured = images.map(() => []);
  for (let turn = 0; turn < runs; turn++) {
    for (const [index, imagePath] of images.entries()) {
      const counts = [500, 3500];
      measured[index].push(await measureParts({ imagePath, plugin, scratch, parts, rest, counts, live }));
    }
  }
  const table = partsTable(measured.map(medians));
  process.stdout.write(table);
  if (process.argv.includes("--write")) writeBelow(document, "## Where a request's instructions go", table);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** One client asks so often, then ends the server. As in `ukl bench`, time passes for a guest that waits. */
async function live(imagePath, count, qemuArguments) {
  const port = await freePort();
  const { args, exchange, port: guestPort } = servers[program];
  const machine = {
    imagePath,
    accelerator: "tcg",
    env: {},
    args,
    net: "passt",
    ports: [`127.0.0.1:${port}:${guestPort}`],
    kernelArguments: ["tsc_early_khz=1000000"],
    qemuArguments: ["-icount", "shift=0,sleep=on", ...qemuArguments],
  };
  const ended = run(machine, { timeoutMs, onOutput: () => undefined });
  const asked = (async () => {
    await firstAnswer(port, exchange, AbortSignal.timeout(timeoutMs));
    await exchangeMany(port, exchange, count, timeoutMs);
    const socket = connect(port, "127.0.0.1", () => socket.write("SHUTDOWN NOSAVE\r\n"));
    await once(socket.resume(), "close");
  })();
  await Promise.all([ended, asked]);
}

function medians(columns) {
  const names = [...columns[0].keys()];
  return new Map(names.map((part) => [part, median(columns.map((column) => column.get(part)))]));
}
