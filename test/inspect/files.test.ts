// SPDX-License-Identifier: MIT
/** The files that a program looks for. The reference is what strace sees it open, or try to. */
import { normalize } from "node:path/posix";
import { describe, expect, test } from "vitest";
import { inspect } from "../../src/inspect/inspect.js";
import type { Inspection } from "../../src/inspect/schema.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();
const path = (name: string) => `${workshop.directory}/${name}`;
const build = (name: string, source: string, ...flags: string[]) => {
  workshop.write(`${name}.c`, source);
  workshop.run("gcc", "-O1", "-w", `${name}.c`, "-o", name, ...flags);
  return inspect({ path: path(name), mode: "precise" });
};

/** The absolute paths that a run opens, or tries to; those of libraries are looked for in many places. */
function seenByStrace(name: string, locale: string): readonly string[] {
  workshop.run("strace", "-f", "-E", `LC_ALL=${locale}`, "-o", "trace.txt", path(name), "nowhere.invalid");
  const trace = workshop
    .read("trace.txt")
    .toString("latin1")
    .replaceAll(/^.*execve\(.*$/gm, "");
  const seen = [...trace.matchAll(/(?:openat|access|readlink|connect)\(.*?"(\/[^"]+)"/g)];
  return [...new Set(seen.map(([, file = ""]) => file))].filter((file) => !/\.so(\.\d+)*$/.test(file));
}

const covers = (files: Inspection["files"], seen: string) =>
  files.some((file) => file.path === seen || (file.path.endsWith("/") && seen.startsWith(file.path)));

const asks = `#include <locale.h>
  #include <netdb.h>
  #include <pwd.h>
  #include <stdio.h>
  #include <time.h>
  int main(int count, char **arguments) {
    struct addrinfo *found;
    char text[100];
    time_t now = time(0);
    setlocale(LC_ALL, "");
    strftime(text, sizeof text, "%c", localtime(&now));
    getaddrinfo(arguments[1], "http", 0, &found);
    getpwnam("root");
    fopen("/proc/self/stat", "r");
    return 0;
  }`;

describe.each([
  ["dynamic", []],
  ["static", ["-static"]],
  ["static-pie", ["-static-pie"]],
])("a %s program", (kind, flags) => {
  test.each(["C.UTF-8", "fr_FR.ISO-8859-1", "C"])(
    "opens nothing that was not told, in %s",
    async (locale) => {
      const { files } = await build(kind, asks, ...flags);
      const seen = seenByStrace(kind, locale);
      expect(seen).toEqual(expect.arrayContaining(["/etc/localtime", "/etc/passwd", "/proc/self/stat"]));
      expect(seen.filter((file) => !covers(files, file))).toEqual([]);
    },
  );
});

test("each file has its kind, and the function that asks for it", async () => {
  const { files } = await build("asks", asks);
  const of = (wanted: string) => files.find((file) => file.path === wanted);
  expect(of("/etc/localtime")).toMatchObject({ kind: "timezone" });
  expect(of("/etc/localtime")?.evidence).toMatch(/^main → .*libc\.so\.6:localtime$/);
  expect(of("/etc/resolv.conf")).toMatchObject({ kind: "nss" });
  expect(of("/etc/ld.so.cache")).toMatchObject({ kind: "loader" });
  expect(of("/proc/self/stat")).toMatchObject({ kind: "path", evidence: "main → asks:main" });
});

test("a program that asks for nothing is told no locale, time zone or name service", async () => {
  const { files } = await build("plain", "int main(void) { return 0; }");
  const kinds = new Set(files.map(({ kind }) => kind));
  for (const kind of ["timezone", "nss", "certificates", "configuration"]) expect(kinds).not.toContain(kind);
});

test("text that is no path, or that nothing live refers to, is no file", async () => {
  const { files } = await build(
    "texts",
    `#include <stdio.h>
    const char *unused(void) { return "/etc/unused.conf"; }
    static const char *const list[] = { "/etc/first.conf", "/var/lib/second" };
    int main(int count, char **arguments) {
      puts("/etc/usage.conf is read first");
      puts("/proc/a:/proc/b");
      return fopen(list[count - 1], "r") == 0;
    }`,
    "-fdata-sections",
    "-ffunction-sections",
  );
  const paths = files.map((file) => file.path);
  expect(paths).toEqual(expect.arrayContaining(["/etc/first.conf", "/var/lib/second"]));
  expect(paths.filter((each) => /unused|usage|proc\/a/.test(each))).toEqual([]);
});

test("certificates are told by the text that code opens", async () => {
  const bundle = "/etc/ssl/certs/ca-certificates.crt";
  workshop.write("trusting.c", `#include <stdio.h>\nint main(void) { return fopen("${bundle}", "r") == 0; }`);
  workshop.run("gcc", "-O1", "trusting.c", "-o", "trusting");
  const { files } = await inspect({ path: `${workshop.directory}/trusting`, mode: "precise" });
  expect(files.find(({ path }) => path === bundle)?.kind).toBe("certificates");
});

describe("a Go program", () => {
  const buildGo = (name: string, source: string) => {
    workshop.write(`${name}.go`, source);
    const environment = [`GOCACHE=${path("cache")}`, "CGO_ENABLED=0", "GO111MODULE=off"];
    workshop.run("env", ...environment, "go", "build", "-o", name, `${name}.go`);
    return inspect({ path: path(name), mode: "precise" });
  };

  test("opens no authorities and no time zones that were not told", async () => {
    const { files } = await buildGo(
      "gopher",
      `package main
      import ("crypto/x509"; "time")
      func main() { time.LoadLocation("Europe/Berlin"); x509.SystemCertPool() }`,
    );
    const seen = seenByStrace("gopher", "C").map((file) => normalize(file));
    const [zone, bundle] = ["/usr/share/zoneinfo/Europe/Berlin", "/etc/ssl/certs/ca-certificates.crt"];
    expect(seen).toEqual(expect.arrayContaining([zone, bundle]));
    const told = [zone, bundle].map((file) => covers(files, file));
    expect(told).toEqual([true, true]);
    expect(files.find((file) => file.path === bundle)).toMatchObject({ kind: "certificates" });
  });

  test("that asks for neither is told neither", async () => {
    const { files } = await buildGo("plain", "package main\nfunc main() { println(1) }");
    expect(files.filter(({ kind }) => kind === "timezone" || kind === "certificates")).toEqual([]);
  });
});
