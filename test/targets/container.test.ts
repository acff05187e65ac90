// SPDX-License-Identifier: MIT
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { UklError } from "../../src/errors.js";
import { resolveIn } from "../../src/host/file-view.js";
import { type ContainerTarget, containerTarget } from "../../src/targets/container.js";
import { openWorkshop } from "../elf/toolchain.js";
import { gzip, type ImageParts, type Member, tar, writeDockerArchive, writeLayout } from "./layout.js";

const workshop = openWorkshop();
let count = 0;
const at = (name: string) => join(workshop.directory, name);

const zstd = (bytes: Uint8Array) => execFileSync("zstd", ["-q", "-c"], { input: bytes, maxBuffer: 1 << 28 });

async function open(target: string, limitBytes = 1 << 24): Promise<ContainerTarget> {
  return containerTarget(target, { scratch: at(`scratch-${++count}`), limitBytes });
}

const entry = { Entrypoint: ["/bin/app"] };
const file = (name: string, data = name, rest: Partial<Member> = {}): Member => ({
  name,
  data,
  mode: 0o644,
  ...rest,
});

async function layout(parts: Partial<ImageParts> & Pick<ImageParts, "layers">): Promise<string> {
  return writeLayout(at(`layout-${++count}`), { config: entry, ...parts });
}

const layered = async (...layers: (readonly Member[])[]) => (await open(await layout({ layers }))).view;
const textOf = (view: ContainerTarget["view"], path: string) => {
  const found = resolveIn(view, path);
  return found?.node.content === undefined ? undefined : readFileSync(found.node.content, "utf8");
};

describe("layers", () => {
  test("lie over each other", async () => {
    const view = await layered([file("a"), file("b"), file("d/x")], [file("b", "new"), file("d/y")]);
    expect(["/a", "/b", "/d/x", "/d/y"].map((path) => textOf(view, path))).toEqual([
      "a",
      "new",
      "d/x",
      "d/y",
    ]);
    expect(view.names("/")).toEqual(["a", "b", "d"]);
  });

  test("take away files and directories by whiteouts", async () => {
    const below = [file("a"), file("d/x"), file("d/y"), file("e/z"), file("e/deep/z")];
    const view = await layered(below, [file(".wh.a", ""), file("d/.wh.x", ""), file(".wh.e", "")]);
    expect([view.names("/"), view.names("/d")]).toEqual([["d"], ["y"]]);
    expect(view.node("/e/deep/z")).toBeUndefined();
  });

  test("hide all below by opaque whiteouts, and nothing of their own, in any order", async () => {
    const view = await layered(
      [file("d/x"), file("d/s/y")],
      [file("d/new"), file("d/.wh..wh..opq", ""), file("d/more")],
    );
    expect(view.names("/d")).toEqual(["more", "new"]);
  });

  test("put files behind links of lower ones, within the root", async () => {
    const links: Member[] = [
      { name: "usr/lib/", type: "directory", mode: 0o755 },
      { name: "lib", type: "symlink", linkname: "usr/lib" },
      { name: "abs", type: "symlink", linkname: "/usr/lib" },
      { name: "up", type: "symlink", linkname: "../../../../usr/lib" },
    ];
    const view = await layered(links, [file("lib/a"), file("abs/b"), file("up/c")]);
    expect(view.names("/usr/lib")).toEqual(["a", "b", "c"]);
  });

  test("replace a directory by a file, and a file by a directory", async () => {
    const view = await layered([file("d/x"), file("f")], [file("d", "file"), file("f/x")].slice(0, 1));
    expect([textOf(view, "/d"), view.node("/d/x")]).toEqual(["file", undefined]);
  });

  test("keep owners, permissions and hard links", async () => {
    const view = await layered([
      file("a", "text", { uid: 33, gid: 44, mode: 0o4750 }),
      { name: "b", type: "link", linkname: "a" },
      { name: "d/", type: "directory", mode: 0o1777, uid: 5, gid: 6 },
    ]);
    expect(view.node("/b")).toBe(view.node("/a"));
    expect(view.node("/a")).toMatchObject({ permissions: 0o4750, owner: { uid: 33, gid: 44 } });
    expect(view.node("/d")).toMatchObject({ permissions: 0o1777, owner: { uid: 5, gid: 6 } });
  });

  test("with names from the root write nothing there", async () => {
    const view = await layered([file(at("outside"))]);
    expect([textOf(view, at("outside")), existsSync(at("outside"))]).toEqual([at("outside"), false]);
  });

  test("have devices and pipes", async () => {
    const view = await layered([
      { name: "dev/sda", type: "block-device", devmajor: 8, devminor: 0 },
      { name: "dev/mem", type: "character-device", devmajor: 1, devminor: 1 },
      { name: "pipe", type: "fifo" },
      file("a"),
    ]);
    expect(view.node("/dev/sda")?.special).toEqual({ kind: "blockDevice", major: 8, minor: 0 });
    expect(view.node("/dev/mem")?.special).toEqual({ kind: "characterDevice", major: 1, minor: 1 });
    expect(view.node("/pipe")?.special).toMatchObject({ kind: "fifo" });
  });

  test.each([
    ["gzip", gzip],
    ["zstd", zstd],
  ])("are read from %s", async (_, compress) => {
    const { view } = await open(await layout({ layers: [[file("a", "x".repeat(100_000))]], compress }));
    expect(view.node("/a")).toMatchObject({ sizeBytes: 100_000 });
  });
});

describe("what is started", () => {
  const passwd = file("etc/passwd", "root:x:0:0::/:/bin/sh\nweb:x:33:34::/:/bin/sh\n");
  const group = file("etc/group", "root:x:0:\nweb:x:34:\nlogs:x:4:web,other\nssl:x:9:other\n");
  const started = async (config: Readonly<Record<string, unknown>>) => {
    const { view: _, ...rest } = await open(await layout({ layers: [[passwd, group]], config }));
    return rest;
  };

  test("is the entrypoint with the command as arguments, its environment, directory and user", async () => {
    const config = {
      Entrypoint: ["/e", "-x"],
      Cmd: ["a"],
      Env: ["A=1=2", "B="],
      WorkingDir: "/srv",
      User: "web",
    };
    expect(await started(config)).toEqual({
      entrypoint: ["/e", "-x"],
      defaults: ["a"],
      environment: { A: "1=2", B: "" },
      workingDirectory: "/srv",
      user: { uid: 33, gid: 34, groups: [4] },
      directories: ["/srv"],
    });
  });

  test("is stopped by its signal, and has the directories of its volumes", async () => {
    const config = { ...entry, StopSignal: "SIGRTMIN+3", Volumes: { "/data": {}, "srv/x": {} } };
    expect(await started(config)).toMatchObject({ stopSignal: 37, directories: ["/", "/data", "/srv/x"] });
    await expect(started({ ...entry, StopSignal: "SIGNONE" })).rejects.toMatchObject({ code: "UKL-232" });
  });

  test("as root has the groups that root is in", async () => {
    const members: Member[] = [file("etc/passwd", "root:x:0:0::/:\n"), file("etc/group", "adm:x:4:root\n")];
    const { user } = await open(await layout({ layers: [members], config: entry }));
    expect(user).toEqual({ uid: 0, gid: 0, groups: [4] });
  });

  test("is the command where there is no entrypoint", async () => {
    const { entrypoint, defaults, workingDirectory, user } = await started({ Cmd: ["sh", "-c", "x"] });
    expect([entrypoint, defaults, workingDirectory]).toEqual([["sh"], ["-c", "x"], "/"]);
    expect(user).toEqual({ uid: 0, gid: 0, groups: [] });
  });

  test.each([
    ["1234", { uid: 1234, gid: 0, groups: [] }],
    ["33", { uid: 33, gid: 34, groups: [4] }],
    ["web:logs", { uid: 33, gid: 4, groups: [] }],
    ["7:8", { uid: 7, gid: 8, groups: [] }],
    [":5", { uid: 0, gid: 5, groups: [] }],
    [":logs", { uid: 0, gid: 4, groups: [] }],
    ["web:", { uid: 33, gid: 34, groups: [4] }],
    ["1000680000", { uid: 1_000_680_000, gid: 0, groups: [] }],
  ])("as the user %s", async (User, user) => {
    expect((await started({ ...entry, User })).user).toEqual(user);
  });

  test.each([[{}], [{ ...entry, User: "nobody-here" }], [{ ...entry, User: "web:none" }]])(
    "is refused for %j",
    async (config) => {
      await expect(started(config)).rejects.toMatchObject({ code: "UKL-232" });
    },
  );
});

describe("an image", () => {
  test("is chosen by its tag", async () => {
    const path = await layout({ layers: [[file("a")]], tag: "v1" });
    expect(textOf((await open(`oci:${path}:v1`)).view, "/a")).toBe("a");
    await expect(open(`oci:${path}:v2`)).rejects.toMatchObject({ code: "UKL-232" });
  });

  test("may be what docker save writes", async () => {
    const path = await writeDockerArchive(at("saved.tar"), {
      layers: [[file("a")], [file("b")]],
      config: entry,
    });
    for (const target of [path, `docker-archive:${path}`]) {
      expect((await open(target)).view.names("/")).toEqual(["a", "b"]);
    }
  });
});

async function refusal(target: string, limitBytes?: number): Promise<UklError> {
  const error = await open(target, limitBytes).catch((reason: unknown) => reason);
  if (!(error instanceof UklError)) throw new Error(`not refused: ${String(error)}`);
  return error;
}

describe("refused, with nothing written beside the scratch directory, is", () => {
  test.each([
    ["a name with ..", file("../outside")],
    ["a name with .. inside", file("a/../../outside")],
    ["a hard link with ..", { name: "x", type: "link", linkname: "../outside" } as const],
  ])("%s", async (_, member) => {
    const before = readdirSync(workshop.directory).filter((name) => !/^(?:layout|scratch)-/.test(name));
    expect((await refusal(await layout({ layers: [[member]] }))).code).toBe("UKL-233");
    expect(readdirSync(workshop.directory).filter((name) => !/^(?:layout|scratch)-/.test(name))).toEqual(
      before,
    );
    expect(existsSync(at("outside"))).toBe(false);
  });

  test.each([
    ["plain", (bytes: Uint8Array) => bytes],
    ["gzip", gzip],
    ["zstd", zstd],
  ])("a bomb of zeros, %s", async (_, compress) => {
    const layers = [[file("zeros", "\0".repeat(8 << 20))]];
    expect((await refusal(await layout({ layers, compress }), 1 << 20)).code).toBe("UKL-234");
  });

  test.each([
    ["a member that leads out", file("../outside"), "UKL-233"],
    ["a bomb of zeros", file("zeros", "\0".repeat(2 << 20)), "UKL-234"],
  ])("what docker save writes, with %s", async (_, member, code) => {
    const before = readdirSync(workshop.directory);
    const path = at("saved-badly.tar");
    writeFileSync(path, await tar([member]));
    expect((await refusal(path, 1 << 20)).code).toBe(code);
    expect(readdirSync(workshop.directory).filter((name) => !/^(?:scratch|saved)-/.test(name))).toEqual(
      before.filter((name) => !/^(?:scratch|saved)-/.test(name)),
    );
  });

  test("what docker save writes, whose manifest names layers outside", async () => {
    const manifest = [{ Config: "c.json", Layers: ["../../outside.tar"] }];
    const config = {
      architecture: "amd64",
      os: "linux",
      rootfs: { type: "layers", diff_ids: [`sha256:${"0".repeat(64)}`] },
    };
    const members = [file("c.json", JSON.stringify(config)), file("manifest.json", JSON.stringify(manifest))];
    writeFileSync(at("saved-outside.tar"), await tar(members));
    expect((await refusal(at("saved-outside.tar"))).code).toBe("UKL-233");
  });

  test("a file behind an absolute link, which has nothing to lead to in the image", async () => {
    const link = { name: "d", type: "symlink", linkname: workshop.directory } as const;
    expect((await refusal(await layout({ layers: [[link], [file("d/outside")]] }))).code).toBe("UKL-230");
    expect(existsSync(at("outside"))).toBe(false);
  });

  test.each([
    ["that is too long", "x".repeat(256)],
    ["with too many directories", "d/".repeat(10_000)],
  ])("a name %s", async (_, name) => {
    expect((await refusal(await layout({ layers: [[file(`${name}x`)]] }))).code).toBe("UKL-230");
  });

  test("two layers that are too big together", async () => {
    const half = "\0".repeat(700_000);
    const path = await layout({ layers: [[file("a", half)], [file("b", half)]], compress: gzip });
    expect((await refusal(path, 1_000_000)).code).toBe("UKL-234");
  });

  test("a layer that is not what its digest says", async () => {
    const damage: ImageParts["damage"] = (blobs, { layers: [digest = ""] }) =>
      void blobs.set(digest, Buffer.from("other"));
    expect((await refusal(await layout({ layers: [[file("a")]], damage }))).code).toBe("UKL-231");
  });

  test("a configuration that is not what its digest says", async () => {
    const damage: ImageParts["damage"] = (blobs, { config }) =>
      void blobs.set(config, Buffer.from(`${Buffer.from(blobs.get(config) ?? "").toString()} `));
    expect((await refusal(await layout({ layers: [[file("a")]], damage }))).code).toBe("UKL-231");
  });

  test("another machine's", async () => {
    const error = await refusal(await layout({ layers: [[file("a")]], architecture: "arm64" }));
    expect([error.code, error.detail.cause]).toEqual(["UKL-232", "it is for linux/arm64"]);
  });

  test.each([
    ["no tar archive", Buffer.from("this is no archive at all ".repeat(100))],
    ["an archive that breaks off", Buffer.from("placeholder")],
  ])("a layer that is %s", async (name, bytes) => {
    const whole = await tar([file("a", "x".repeat(5000))]);
    const layer = name === "no tar archive" ? bytes : whole.subarray(0, 3000);
    expect((await refusal(await layout({ layers: [layer] }))).code).toBe("UKL-230");
  });

  test("a hard link to nothing", async () => {
    expect(
      (await refusal(await layout({ layers: [[{ name: "x", type: "link", linkname: "gone" }]] }))).code,
    ).toBe("UKL-230");
  });

  test.each(["oci:/no/such/image", "docker-archive:/no/such.tar"])("%s", async (target) => {
    expect((await refusal(target)).code).toBe("UKL-232");
  });

  test("a directory or a file that is none", async () => {
    writeFileSync(at("text"), "text");
    expect((await refusal(`oci:${workshop.directory}`)).code).toBe("UKL-230");
    expect((await refusal(`docker-archive:${at("text")}`)).code).toBe("UKL-230");
  });
});
