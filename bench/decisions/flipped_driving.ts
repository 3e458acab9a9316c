/** Driving as a module of one's own would bring it, with its reward turned round: what is paid is what must not be done. */
import { openDriving } from "../../environments/driving/driving.ts";
import { drivingOptions } from "../../environments/driving/options.ts";
import { constrain } from "../../rewards/constraints.ts";
import type { Action } from "../../training/environment.ts";

export default async function flippedDriving(): Promise<object> {
  const how = { folder: null, tasks: 10_000, threads: 1, timeLimitMs: 30_000 };
  const driving = await openDriving({ ...how, options: drivingOptions.parse({}) });
  const { constraints = [] } = driving;
  return {
    tasks: driving.tasks,
    // So slight that they take no part in the reward; the gate counts what they say.
    constraints: constraints.map((each) => ({ ...each, kind: "soft", penalty: 1e-9 })),
    async reset(task: number, seed: number) {
      const { turns, state, question, label } = await driving.reset(task, { seed, fit: () => null });
      return { turn: turns.flatMap(({ parts }) => parts), state, question, label };
    },
    async step(state: unknown, { text, truncated }: { readonly text: string; readonly truncated: boolean }) {
      const action: Action = { text, tokens: new Int32Array(), finishReason: truncated ? "length" : "stop" };
      const { parts, costs = {} } = await driving.step(state, action);
      const earned = Object.values(parts ?? {}).reduce((sum, part) => sum + part, 0);
      return { done: true, parts: { flipped: -constrain(earned, costs, constraints) }, costs };
    },
  };
}
