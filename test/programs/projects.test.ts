// SPDX-License-Identifier: MIT
/** Small projects whose runtimes the other tests of programs need; what they print on this host is right. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { modes } from "../support/harness.js";
import { testLimit } from "../support/patience.js";
import { runInGuest, runOnHost, writeProject } from "../support/project-runs.js";

const scratch = mkdtempSync(join(tmpdir(), "ukl-project-programs-"));
const limitMs = testLimit(400_000);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const javaMain = `import java.nio.file.*; import java.security.*; import javax.net.ssl.*;
public class Main {
  public static void main(String[] args) throws Exception {
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init((KeyStore) null);
    int issuers = ((X509TrustManager) trust.getTrustManagers()[0]).getAcceptedIssuers().length;
    System.out.print(Files.readString(Path.of("config/list.txt")));
    System.out.println(String.join(",", args) + " " + Security.getProviders().length + " " + issuers);
    System.out.println(java.time.ZoneId.of("Europe/Berlin").getRules().getOffset(java.time.Instant.EPOCH));
    System.out.println(new String(Main.class.getResourceAsStream("/inside.txt").readAllBytes()));
    System.exit(3);
  }
}
`;

/** Written, and made into what is started. */
const projects: Readonly<Record<string, (directory: string) => string>> = {
  "a jar, where Maven puts it": (directory) => {
    writeProject(directory, {
      ...{ "pom.xml": "<project/>", "config/list.txt": "read\n", "src/Main.java": javaMain },
      ...{ "inside/inside.txt": "in the jar", "manifest.txt": "Main-Class: Main\n" },
    });
    const inside = (tool: string, ...args: string[]) => execFileSync(tool, args, { cwd: directory });
    inside("javac", "-d", "inside", "src/Main.java");
    inside("mkdir", "target");
    inside("jar", "cfm", "target/app.jar", "manifest.txt", "-C", "inside", ".");
    return directory;
  },
  "a file of PHP": (directory) => {
    writeProject(directory, {
      "job.php": `<?php require __DIR__ . "/parts.php"; echo part($argv), extension_loaded("pdo") ? " pdo " : "",
        count(get_loaded_extensions()), " ", iconv("UTF-8", "UTF-16BE", "a"), ini_get("memory_limit"), "\\n"; exit(4);`,
      "parts.php": `<?php function part($args) { return implode(",", array_slice($args, 1)); }`,
    });
    return join(directory, "job.php");
  },
  "a script of Ruby": (directory) =>
    writeProject(directory, {
      "main.rb": `require "json"; require "psych"; require_relative "lib/part"
puts JSON.generate(part(ARGV)), Psych.load("a: [1]").inspect, File.read("list.txt", encoding: "UTF-8").encode("UTF-16BE").bytes.sum; exit 5`,
      "lib/part.rb": "def part(args) = { args: args }\n",
      "list.txt": "read ä\n",
    }),
  "a file of Erlang": (directory) => {
    writeProject(directory, {
      "sum.escript": `%% -*- erlang -*-\nmain(Args) -> io:format("~p ~p~n", [Args, lists:sum(lists:seq(1, 9))]), halt(6).\n`,
    });
    return join(directory, "sum.escript");
  },
};

describe.each(modes)("in %s mode", (mode) => {
  test.each(Object.entries(projects))(
    "%s prints and ends as on the host",
    async (name, make) => {
      const place = make(join(scratch, `${mode} ${name}`));
      const host = await runOnHost(place, ["a", "b c"]);
      expect(host.output).not.toBe("");
      expect(runInGuest(place, mode, ["a", "b c"])).toEqual(host);
    },
    limitMs,
  );
});
