// SPDX-License-Identifier: MIT
import { describe, expect, test } from "vitest";
import { hostView } from "../../src/host/file-view.js";
import { type AskedFor, essentialPaths, isInterpreter, needsShell } from "../../src/rootfs/essentials.js";

const nothing = { files: [], libraries: [], features: [], complete: true };
const asked = (asker: Partial<AskedFor["asker"]> = {}, runsOthers = false): AskedFor => ({
  isInterpreter: runsOthers,
  asker: { ...nothing, ...asker },
});
const exec = [{ name: "exec" }];
const text = (value: string) => [Buffer.from(value)];

describe("a shell", () => {
  test.each([
    [
      "system() and popen(), which have its path",
      asked({ files: [{ path: "/bin/sh", kind: "program" }] }),
      "",
    ],
    ["a program that executes, and has its path in a text", asked({ features: exec }), "a\0/bin/sh\0"],
    ["an interpreter that executes", asked({ features: exec }, true), ""],
    ["an interpreter of which not all calls are known", asked({ complete: false }, true), ""],
  ])("is for %s", (_, who, has) => {
    expect(needsShell(who, text(has))).toBe(true);
  });

  test.each([
    ["a program that executes others", asked({ features: exec }), "/usr/bin/env"],
    ["one that has the path, and executes nothing", asked(), "/bin/sh"],
    ["an interpreter that executes nothing", asked({}, true), ""],
  ])("is not for %s", (_, who, has) => {
    expect(needsShell(who, text(has))).toBe(false);
  });
});

test("an interpreter is what has a script, or a library in its language", () => {
  expect(isInterpreter(["/srv/x"], [])).toBe(true);
  for (const path of [
    "/usr/lib/python3.11/os.py",
    "/usr/share/perl/5.36/strict.pm",
    "/usr/lib/jvm/x/lib/modules",
  ])
    expect(isInterpreter([], [path])).toBe(true);
  expect(isInterpreter([], ["/etc/nginx/nginx.conf", "/usr/share/nginx/modules/x.so"])).toBe(false);
});

describe("of the data of essential packages", () => {
  const pathsFor = (who: AskedFor, timeZone?: string) => essentialPaths(hostView, who, timeZone);

  test("a program gets what it asks for, and no more", () => {
    expect(pathsFor(asked())).toEqual([]);
    expect(pathsFor(asked({ files: [{ path: "/etc/services", kind: "nss" }] }))).toEqual(["/etc/services"]);
    expect(pathsFor(asked({ files: [{ path: "/usr/lib/locale/", kind: "locale" }] }))).toContain(
      "/usr/lib/locale/C.utf8",
    );
    const libraries = [{ path: "/lib/x86_64-linux-gnu/libtinfo.so.6" }];
    expect(pathsFor(asked({ libraries }))).toContain("/lib/terminfo/x/xterm-256color");
  });

  test("a program that tells local time gets the zone of TZ, by its name alone", () => {
    const who = asked({ files: [{ path: "/etc/localtime", kind: "timezone" }] });
    expect(pathsFor(who, "Europe/Berlin")).toEqual(["/usr/share/zoneinfo/Europe/Berlin"]);
    expect(pathsFor(who, ":Asia/Tokyo")).toEqual(["/usr/share/zoneinfo/Asia/Tokyo"]);
    for (const other of ["", "../../etc/shadow", "/etc/shadow", "CET-1CEST,M3.5.0"])
      expect(pathsFor(who, other)).toEqual([]);
  });

  test("an interpreter gets all of them, and the time zones once", () => {
    const paths = pathsFor(asked({}, true));
    expect(paths).toEqual(
      expect.arrayContaining([
        "/etc/protocols",
        "/etc/os-release",
        "/lib/terminfo/d/dumb",
        "/usr/share/zoneinfo/Europe",
      ]),
    );
    expect(paths.filter((path) => /zoneinfo\/(posix|right)$/.test(path))).toEqual([]);
  });
});
