import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Stage, startFolder } from "../arena/config/stages.ts";
import type { Players, Policies } from "../arena/ports.ts";
import { VisplayError } from "../common/errors.ts";
import type { ActivityView } from "../policy/embedded/activity.ts";
import type { Policy } from "../policy/port.ts";
import { isAdapterFolder } from "../policy/weights/adapter_config.ts";
import type { Role } from "../replay/self_play.ts";
import { stages } from "../replay/stages.ts";
import { baseOf } from "../training/grpo.ts";
import type { WithModel } from "./model.ts";
import { openRunPolicy } from "./open.ts";

/** Opens the policies of a run's stages: those of one stage at a time. */
export class StagePlayers implements AsyncDisposable {
  readonly #model: WithModel;
  readonly #activities: Readonly<Record<Role, ActivityView>>;
  #stage: number | null = null;
  #policies: Readonly<Partial<Record<Role, Policy>>> = {};

  constructor(model: WithModel, activities: Readonly<Record<Role, ActivityView>>) {
    this.#model = model;
    this.#activities = activities;
  }

  /**
   * Those of a stage as they begin it; `run` is the folder that holds the models of the stages before. Throws "model" where
   * the one that it starts from is not there.
   */
  async open(stage: Stage, run: string): Promise<Players> {
    if (this.#stage !== stage.index) {
      await this[Symbol.asyncDispose]();
      const start = await this.#startOf(stage, run);
      for (const role of stages[stage.config.kind].roles) {
        const policy = await openRunPolicy(start, role, this.#activities[role]);
        this.#policies = { ...this.#policies, [role]: policy };
      }
      this.#stage = stage.index;
    }
    const policies = this.#policies as Policies;
    // Where there are two, the one that waits while the Reasoner learns scores for both.
    return { policies, reference: baseOf(policies.questioner ?? policies.reasoner) };
  }

  async #startOf(stage: Stage, run: string): Promise<WithModel> {
    const start = startFolder(stage);
    if (start === null) return this.#model;
    const folder = join(run, start);
    if (!existsSync(folder)) {
      const message = `${folder} is gone, from which the stage ${stage.name} started; put it back`;
      throw new VisplayError("model", message);
    }
    return { ...this.#model, folder, base: (await isAdapterFolder(folder)) ? this.#model.base : folder };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = Object.values(this.#policies);
    this.#policies = {};
    this.#stage = null;
    for (const policy of open) await policy[Symbol.asyncDispose]();
  }
}
