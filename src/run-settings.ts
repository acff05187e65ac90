// SPDX-License-Identifier: MIT
/** What a machine is asked for: one answer from command line, configuration and the manifest of the image. */
import { defined } from "./config/merge.js";
import type { ResolvedConfiguration } from "./config/schema.js";
import type { Manifest } from "./manifest.js";
import type { RunRequest } from "./run.js";

/** What is absent is as the image has it. */
export interface RunSettings
  extends Pick<
    RunRequest,
    | "accelerator"
    | "mode"
    | "memory"
    | "cpus"
    | "ports"
    | "net"
    | "args"
    | "env"
    | "user"
    | "include"
    | "hostname"
    | "ulimits"
  > {
  readonly attachments: Pick<ResolvedConfiguration["run"], "volumes" | "disks">;
  readonly timeoutSeconds?: number;
}

type MachineValues = Pick<ResolvedConfiguration["run"], "accelerator" | "timeoutSeconds">;

/** Of an image that was built from this configuration just now: all else is in its manifest. */
export function settingsOfBuilt({ run }: ResolvedConfiguration): RunSettings {
  return { ...machineSettings(run), env: {}, attachments: attachmentsOf(run) };
}

/** Who said what beside the configuration over which the flags are laid. */
export interface Said {
  /** Otherwise a configuration's may be its default, which an image does not have to follow. */
  readonly mode: boolean;
  readonly accelerator: boolean;
  readonly args: readonly string[] | undefined;
}

/** Of an image that is there. */
export function settingsOfImage(
  configuration: ResolvedConfiguration,
  said: Said,
  { run: inImage }: Pick<Manifest, "run">,
): RunSettings {
  const { run, env, user, mode, files } = configuration;
  const { memory, cpus, ports, net, hostname, ulimits } = run;
  const args = said.args ?? (configuration.args.length > 0 ? configuration.args : undefined);
  return {
    ...machineSettings({
      accelerator:
        said.accelerator || run.accelerator !== "auto" ? run.accelerator : (inImage.accelerator ?? "auto"),
      timeoutSeconds: run.timeoutSeconds ?? inImage.timeoutSeconds,
    }),
    ...(defined({ memory, cpus, net, user, args, hostname, ulimits }) as Pick<RunSettings, "memory">),
    ...(ports.length === 0 ? {} : { ports }),
    ...(said.mode || mode === "classic" ? { mode } : {}),
    ...(Object.keys(files.include).length === 0 ? {} : { include: files.include }),
    env,
    attachments: attachmentsOf(run),
  };
}

function machineSettings({ accelerator, timeoutSeconds }: MachineValues) {
  return { accelerator, ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }) };
}

function attachmentsOf({ volumes, disks }: ResolvedConfiguration["run"]): RunSettings["attachments"] {
  return { volumes, disks };
}
