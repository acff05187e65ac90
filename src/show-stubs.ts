// SPDX-License-Identifier: MIT
/** Writes what a build compiles and links with beside the application, to be read. */
import { copyFile, mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { type BuildRequest, planImage } from "./build.js";
import { withScratchDirectory, writeOutput } from "./host/files.js";
import { stopwatch } from "./host/stopwatch.js";
import { imageScript } from "./link/image.js";
import { initSources, stubFile } from "./stubs/compile.js";

export interface StubsRequest extends Pick<BuildRequest, "configuration" | "onProgress"> {
  readonly directory: string;
}

/** Returns the paths of the dispatch, what bound sites call, the first process, and the image's linker script. */
export async function writeStubs(request: StubsRequest): Promise<readonly string[]> {
  return withScratchDirectory(async (scratch) => {
    const { dispatch, calls, kernel, payload } = await planImage(request, scratch, stopwatch());
    const place = (name: string) => join(request.directory, name);
    await mkdir(request.directory, { recursive: true });
    const rendered = { "dispatch.c": dispatch, ...(calls === undefined ? {} : { "calls.S": calls.text }) };
    for (const [name, text] of Object.entries(rendered)) await writeOutput(place(name), Buffer.from(text));
    for (const name of initSources) await copyFile(stubFile(name), place(basename(name)));
    await writeOutput(place("image.lds"), Buffer.from(await imageScript(kernel.directory, payload)));
    return [...Object.keys(rendered), ...initSources.map((name) => basename(name)), "image.lds"].map(place);
  });
}
