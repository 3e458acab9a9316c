import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Stage, startFolder } from "../arena/config/stages.ts";
import type { Players } from "../arena/ports.ts";
import { VisplayError } from "../common/errors.ts";
import type { ActivityView } from "../policy/embedded/activity.ts";
import type { Policy } from "../policy/port.ts";
import { isEngineFolder } from "../policy/remote/engine_state.ts";
import { isAdapterFolder } from "../policy/weights/adapter_config.ts";
import type { Role } from "../replay/self_play.ts";
import { type StageKind, stages } from "../replay/stages.ts";
import { baseOf } from "../training/grpo.ts";
import type { WithModel } from "./model.ts";
import { openRunPolicy } from "./open.ts";

/** Policies that are closed when disposed. */
export type OpenPlayers = Players & AsyncDisposable;

/** Opens the policies that a kind of stage trains, each with the same model. */
export async function openPlayers(
  model: WithModel,
  kind: StageKind,
  activities: Readonly<Partial<Record<Role, ActivityView>>> = {},
): Promise<OpenPlayers> {
  const open: Partial<Record<Role, Policy>> = {};
  const close = async (): Promise<void> => {
    for (const policy of Object.values(open)) await policy[Symbol.asyncDispose]();
  };
  try {
    for (const role of stages[kind].roles)
      open[role] = await openRunPolicy(model, role, activities[role], model.config.sampling);
  } catch (error) {
    await close();
    throw error;
  }
  const policies = open as Players["policies"];
  // Where there are two, the one that waits while the Reasoner learns scores for both.
  const reference = baseOf(policies.questioner ?? policies.reasoner);
  return { policies, reference, [Symbol.asyncDispose]: close };
}

/** Opens the policies of a run's stages: those of one stage at a time. */
export class StagePlayers implements AsyncDisposable {
  readonly #model: WithModel;
  readonly #activities: Readonly<Record<Role, ActivityView>>;
  #open: { readonly stage: number; readonly players: OpenPlayers } | null = null;

  constructor(model: WithModel, activities: Readonly<Record<Role, ActivityView>>) {
    this.#model = model;
    this.#activities = activities;
  }

  /**
   * Those of a stage as they begin it; `run` is the folder that holds the models of the stages before. Throws "model" where
   * the one that it starts from is not there.
   */
  async open(stage: Stage, run: string): Promise<Players> {
    if (this.#open?.stage === stage.index) return this.#open.players;
    await this[Symbol.asyncDispose]();
    const start = await this.#startOf(stage, run);
    const players = await openPlayers(start, stage.config.kind, this.#activities);
    this.#open = { stage: stage.index, players };
    return players;
  }

  async #startOf(stage: Stage, run: string): Promise<WithModel> {
    const start = startFolder(stage);
    if (start === null) return this.#model;
    const folder = join(run, start);
    if (!existsSync(folder)) {
      const message = `${folder} is gone, from which the stage ${stage.name} started; put it back`;
      throw new VisplayError("model", message);
    }
    const keepsBase = (await isAdapterFolder(folder)) || (await isEngineFolder(folder));
    return { ...this.#model, folder, base: keepsBase ? this.#model.base : folder };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = this.#open;
    this.#open = null;
    await open?.players[Symbol.asyncDispose]();
  }
}
