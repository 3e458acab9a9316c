import type { ReasonerEpisode, RunEvent } from "../../replay/events.ts";
import { plainEpisode, turnImage } from "./events.ts";

/**
 * An episode of three trajectories: one that succeeds in its second turn, having observed `turnImage`, one that used up its
 * turns, and one that a fault spoiled. `said` stands in every text.
 */
export function actedEpisode(
  changes: Partial<ReasonerEpisode> = {},
  said = "red",
): ReasonerEpisode & RunEvent {
  const episode = plainEpisode({ stage: "environment", phase: "environment", view: 0, ...changes } as object);
  const [rollout] = plainEpisode().rollouts;
  const observations = [
    { after: 2, turns: [{ role: "tool", parts: [`nearer ${said}:`, { image: turnImage.id }] }] },
  ];
  const turns = [
    { text: `look ${said}`, parts: { price: -0.1 }, call: { tool: `zoom`, fault: null }, advantage: null },
    { text: `it is ${said}`, parts: { price: -0.1, correct: 1 }, call: null, advantage: null },
  ];
  const act = (reward: number | null, parts: object, trajectory: object) => ({
    ...rollout,
    text: `look ${said}\nit is ${said}`,
    parts,
    reward,
    trajectory: {
      observations,
      turns,
      end: "done",
      success: false,
      fault: null,
      failure: null,
      ...trajectory,
    },
  });
  const failed = [turns[0], { ...turns[1], parts: { price: -0.1, correct: 0 } }];
  return {
    ...episode,
    rollouts: [
      act(0.8, { price: -0.2, correct: 1 }, { success: true }),
      act(
        -0.2,
        { price: -0.2, correct: 0 },
        { turns: failed, end: "turns", failure: { turn: 1, kind: "use" } },
      ),
      act(
        null,
        {},
        {
          turns: [
            { ...turns[0], call: { tool: said, fault: `wrong ${said}` } },
            { ...turns[1], parts: {} },
          ],
          end: "fault",
          fault: { kind: "late", reason: `step took more than 1 s ${said}` },
        },
      ),
    ] as unknown as ReasonerEpisode["rollouts"],
  };
}
