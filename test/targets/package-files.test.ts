// SPDX-License-Identifier: MIT
import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { installedPackages, type Package, packagesByName, parseRelations } from "../../src/targets/debian.js";
import { packageTarget } from "../../src/targets/package.js";
import { dataPaths, relatives } from "../../src/targets/package-files.js";
import { openWorkshop } from "../elf/toolchain.js";

const workshop = openWorkshop();

function of(name: string, source: string, depends = "", rest: Partial<Package> = {}): Package {
  const common = { architecture: "amd64", priority: "optional", provides: [] };
  return { ...common, name, source, depends: parseRelations(depends), ...rest };
}

const packages = packagesByName([
  of("server", "server", "server-common (>= 1), libc6, perl, mta | mailer, logic-data"),
  of("server-common", "server", "debconf", { architecture: "all" }),
  of("logic-data", "logic", "more-data", { architecture: "all" }),
  of("more-data", "more", "", { architecture: "all" }),
  of("debconf", "debconf", "", { architecture: "all", priority: "important" }),
  of("postman", "postman", "", { architecture: "all", provides: ["mta"] }),
  of("libc6", "glibc", "libc-data"),
  of("libc-data", "glibc", "", { architecture: "all" }),
  of("perl", "perl", "perl-modules"),
  of("perl-base", "perl"),
  of("perl-modules", "perl", "", { architecture: "all" }),
]);

describe("the relatives of a package are", () => {
  test("what it needs of the same source, and what has no machine code", () => {
    expect(relatives(packages, ["server"])).toEqual([
      "logic-data",
      "more-data",
      "postman",
      "server",
      "server-common",
    ]);
  });

  test("those of the whole language, where it is the part of one", () => {
    expect(relatives(packages, ["perl-base"])).toEqual(["perl", "perl-base", "perl-modules"]);
  });
});

test("relations are lists of alternatives, without versions and architectures", () => {
  expect(parseRelations("a (>= 1:2~), b:any (<< 3) | c [linux-any], libx++1")).toEqual([
    ["a"],
    ["b", "c"],
    ["libx++1"],
  ]);
  expect(parseRelations("")).toEqual([]);
});

test("data are neither programs, nor libraries that the loader finds, nor documents, nor keys", () => {
  const kept = [
    "/etc/nginx/nginx.conf",
    "/usr/share/nginx/html/index.html",
    "/usr/lib/nginx/modules/x.so",
    // As mono-runtime-common has it, which Mono loads by that name.
    "/usr/lib/libmono-native.so",
    "/var/lib/nginx",
  ];
  const left = [
    "/usr/sbin/nginx",
    "/usr/lib/x86_64-linux-gnu/libx.so.1",
    "/usr/lib/libmono-native.so.0.0.0",
    "/usr/share/doc/nginx/copyright",
    "/usr/share/man/man8/nginx.8.gz",
    "/lib/systemd/system/nginx.service",
    "/etc/init.d/nginx",
    "/etc/ssl/private/key.pem",
  ];
  expect(dataPaths([...left, ...kept], ["nginx"])).toEqual(kept);
});

test("what packages add to a program of another package is data of that program alone", () => {
  const runtime = "/usr/share/vim/vim90/defaults.vim";
  const addition = "/usr/share/zsh/vendor-completions/_vim";
  expect(dataPaths([runtime, addition], ["vim", "vim-runtime"])).toEqual([runtime]);
  expect(dataPaths([runtime, addition], ["zsh", "zsh-common"])).toEqual([addition]);
  expect(dataPaths([runtime, "/usr/share/vim"], ["nginx", "vimix"])).toEqual([]);
});

describe("of a package of this machine", () => {
  const target = (name: string) =>
    packageTarget(name, { pull: false, scratch: workshop.directory, limitBytes: 0 });

  test("the program of its name is taken, with its data", async () => {
    const { program, data } = await target("memcached");
    expect(program).toBe("/usr/bin/memcached");
    expect(data).toEqual(expect.arrayContaining(["/usr/share/memcached/memcached.conf.default"]));
  });

  test("another is taken by its name", async () => {
    // In /bin or in /usr/bin, which newer packages have.
    const listed = execFileSync("dpkg", ["-L", "bash"], { encoding: "utf8" });
    expect((await target("bash/rbash")).program).toBe(/^.*\/rbash$/m.exec(listed)?.[0]);
  });

  test.each([
    ["no-such-package-here", "is not installed"],
    ["coreutils", "has several programs"],
    ["coreutils/lss", "has no program lss"],
    ["tzdata", "has no program"],
  ])("%s is refused", async (name, what) => {
    const error = await target(name).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "UKL-228",
      detail: { what: expect.stringContaining(what) as unknown },
    });
  });

  test("dpkg is asked for all that is installed", async () => {
    expect((await installedPackages()).get("libc6")).toMatchObject({
      source: "glibc",
      architecture: "amd64",
    });
  });
});
