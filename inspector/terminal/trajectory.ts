import type { ReasonerRollout, TrajectoryRecord, TurnRecord } from "../../replay/events.ts";
import { actedTurns } from "../../replay/turns.ts";
import { partsText } from "../format.ts";
import { earnedIn, failureText, faultText, turnTitle } from "../trajectories.ts";
import { indented, saidLines, wrapped } from "./layout.ts";

/** Turns that a policy read: who speaks, texts, and pictures by the names of their files. */
export function readLines(turns: readonly TurnRecord[], width: number): string[] {
  return turns.flatMap(({ role, parts }) => [
    ...wrapped(role, width),
    ...parts
      .map((part) => (typeof part === "string" ? part : `[picture ${part.image}]`))
      .flatMap((text) => wrapped(text, width - 2))
      .map((line) => `┊ ${line}`.trimEnd()),
  ]);
}

/** A trajectory turn by turn: what each earned, what was said, and what was read then; what all earned, and any fault. */
export function trajectoryLines(
  rollout: ReasonerRollout,
  trajectory: TrajectoryRecord,
  width: number,
): string[] {
  const turns = actedTurns(rollout, trajectory);
  const { sums, addsUp } = earnedIn(trajectory, rollout);
  const ending = [failureText(trajectory), faultText(trajectory)].filter((text) => text !== null);
  return [
    ...turns.flatMap(({ observed, ...turn }, i) => [
      ...wrapped(turnTitle(i, turn), width),
      ...saidLines(turn.text, i === turns.length - 1 ? rollout.finishReason : "stop", width),
      ...indented(readLines(observed, width - 2)),
    ]),
    ...wrapped(["all turns", ...partsText(sums)].join(" · "), width),
    ...(addsUp
      ? []
      : wrapped(`that is not what was recorded: ${partsText(rollout.parts).join(" · ")}`, width)),
    ...ending.flatMap((text) => wrapped(text, width)),
  ];
}
