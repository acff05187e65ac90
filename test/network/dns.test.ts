// SPDX-License-Identifier: MIT
import { execa } from "execa";
import { expect } from "vitest";
import { testNetworks } from "../support/networks.js";

const strings = Array.from({ length: 15 }, (_, index) => String.fromCharCode(97 + index).repeat(255));

testNetworks(
  {
    configuration: () => ({
      program: "/usr/sbin/dnsmasq",
      args: [
        ...["--keep-in-foreground", "--log-facility=-", "--no-resolv", "--no-hosts", "--user=root"],
        ...["--conf-file=/dev/null", "--edns-packet-max=4096", `--txt-record=big.test,${strings.join(",")}`],
      ],
    }),
  },
  [
    {
      name: "dnsmasq",
      does: "dig: answers of 4 kB over UDP and over TCP",
      ports: ["53/udp", "53"],
      isReady: /started/,
      async work({ ports: [udp, tcp] }) {
        for (const [port, ...how] of [
          [udp, "+notcp", "+ignore", "+bufsize=4096"],
          [tcp, "+tcp"],
        ]) {
          const { stdout } = await execa("dig", [
            "@127.0.0.1",
            "-p",
            `${port}`,
            "big.test",
            "TXT",
            ...how.map(String),
          ]);
          expect(stdout).toMatch(/flags: qr aa rd/);
          expect(stdout).toContain(strings.map((text) => `"${text}"`).join(" "));
          expect(Number(/MSG SIZE +rcvd: (\d+)/.exec(stdout)?.[1])).toBeGreaterThan(3800);
        }
      },
    },
  ],
);
