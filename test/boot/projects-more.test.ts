// SPDX-License-Identifier: MIT
/** Small projects of more kinds; what they print and answer on this host is right. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { planProject } from "../../src/projects/recognise.js";
import { modes } from "../support/harness.js";
import { testLimit } from "../support/patience.js";
import { runInGuest, runOnHost, writeProject } from "../support/project-runs.js";
import { ask, freePort, withServer } from "../support/server.js";

const scratch = mkdtempSync(join(tmpdir(), "ukl-projects-more-"));
const limitMs = testLimit(240_000);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const goMain = `package main

import (
	_ "embed"
	"fmt"
	"os"
)

//go:embed note.txt
var note string

func main() {
	data, err := os.ReadFile("data/list.txt")
	fmt.Print(note, string(data), err, os.Args[1:], "\\n")
	os.Exit(3)
}
`;
const perlMain = `use strict; use Greeting; use List::Util qw(sum); use Encode qw(encode); use Cwd;
open my $file, "<", "data/list.txt" or die $!;
print Greeting::greet(@ARGV), sum(1 .. 10), " ", cwd(), " ", <$file>, encode("UTF-16BE", "a"), "\\n"; exit 4;
`;

const projects: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "a module of Go": {
    "go.mod": "module example.org/note\n\ngo 1.19\n",
    "main.go": goMain,
    "note.txt": "embedded\n",
    "data/list.txt": "read\n",
  },
  "a script of Perl with a module": {
    "app.pl": perlMain,
    "lib/Greeting.pm": `package Greeting; sub greet { "hello @_ " } 1;\n`,
    "data/list.txt": "read\n",
  },
  "a script of a shell": {
    "start.sh": `. ./names.sh\necho "$NAME $0 $#:$2" "$(cat data/list.txt)" $((6 * 7)); ls | sort; exit 5\n`,
    "names.sh": "NAME=sourced\n",
    "data/list.txt": "read\n",
  },
  "a Procfile": {
    Procfile: "web: GREETING='good day' perl serve.pl --port $PORT\n",
    "serve.pl": `print "$ENV{GREETING} $ENV{PORT} @ARGV\\n"; exit 6;\n`,
  },
};

describe.each(modes)("in %s mode", (mode) => {
  test.each(Object.entries(projects))(
    "%s prints and ends as on the host",
    async (name, files) => {
      const place = writeProject(join(scratch, name), files);
      const host = await runOnHost(place, ["a", "b c"]);
      expect(host.output).not.toBe("");
      expect(runInGuest(place, mode, ["a", "b c"])).toEqual(host);
    },
    limitMs,
  );

  test(
    "a site answers as on the host",
    async () => {
      const files = { "index.html": "<h1>ä</h1>\n", "a/style.css": "body {}\n", ".git/config": "private\n" };
      const place = writeProject(join(scratch, "site"), files);
      const [guestPort, hostPort] = [await freePort(), await freePort()];
      const [served] = (await planProject(place)).ports;
      const options = ["--mode", mode, "--kernel", "generic", "-p", `${guestPort}:${served}`];
      let inGuest: readonly string[] = [];
      await withServer(place, options, async () => {
        inGuest = await answersOf(guestPort);
        // What tools keep is no part of the site.
        expect((await fetch(`http://127.0.0.1:${guestPort}/.git/config`)).status).toBe(404);
      });
      const { program, args, workingDirectory } = await planProject(place);
      const words = args.map((word) => (word === `${served}` ? `${hostPort}` : word));
      const host = spawn(program, words, { cwd: workingDirectory, stdio: "ignore" });
      const ended = once(host, "close");
      const onHost = await answersOf(hostPort).finally(() => host.kill());
      await ended;
      expect(inGuest).toEqual(onHost);
      expect(inGuest.map((answer) => answer.slice(0, 3))).toEqual(["200", "200", "404"]);
    },
    limitMs,
  );
});

/** Once it answers at all: the status, the type and the text of each. */
async function answersOf(port: number): Promise<readonly string[]> {
  await ask(port, "GET /a/style.css HTTP/1.0\r\n\r\n", /body \{\}\n$/);
  const answers: string[] = [];
  for (const path of ["/", "/a/style.css", "/none"]) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    answers.push(`${answer.status} ${answer.headers.get("content-type")} ${await answer.text()}`);
  }
  return answers;
}
