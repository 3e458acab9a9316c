import type { RunConfig } from "../arena/config/config.ts";
import { hasStage } from "../arena/config/stages.ts";
import type { Summary } from "../arena/summary.ts";
import { VisplayError } from "../common/errors.ts";
import { causesText } from "./causes.ts";
import { plural } from "./format.ts";
import { questionsTable } from "./question_tables.ts";
import { causesTable, lookingTable, roundsTable } from "./table.ts";

/** What a run came to, as its last words say it. */
export function resultText({ images, evaluation }: RunConfig, summary: Summary): string {
  const onScenes = images.data !== null && evaluation.data === null && summary.samples !== null;
  const further = [questionsTable(summary), lookingTable(summary)].filter((table) => table !== null);
  return [
    "",
    roundsTable(summary),
    ...further.flatMap((table) => ["", table]),
    ...causesText(
      causesTable(summary),
      summary.rounds.findLast(({ attribution }) => attribution !== null)?.attribution?.overall,
    ),
    ...(onScenes ? ["accuracy is on held-out coloured scenes, not on your images"] : []),
    ...(summary.taught === false ? ["nothing was taught in these rounds"] : []),
    "",
  ].join("\n");
}

const selfPlayRemedy = "raise reasoner.temperature or lower curriculum.band.high";
const stageRemedy = "raise the stage's temperature or groupSize, or let it imitate first";

/** The error of a run that came to its end and in which the Reasoner never learnt, with the last reason for it. */
export function taughtNothingError(config: RunConfig, { rounds }: Summary): VisplayError {
  const played = rounds.filter(({ round }) => round > 0);
  const reason =
    played.findLast(({ empty }) => empty !== null)?.empty ??
    `in no group of answers one earned more than another; ${hasStage(config, "self_play") ? selfPlayRemedy : stageRemedy}`;
  const message = `the run taught nothing: the Reasoner took no step in ${plural(played.length, "round")}; ${reason}`;
  return new VisplayError("taughtNothing", message);
}
