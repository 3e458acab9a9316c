import { table } from "./figures.ts";
import { goalsTable } from "./learning_goals.ts";
import {
  gainOf,
  gapClosed,
  type LearningReport,
  mean,
  measures,
  type Play,
  playsOf,
  type Scores,
  selfPlay,
} from "./learning_report.ts";

/** Self-play round by round with the gain of each seed, then every variant's last round with its gain over the base. */
export function learningTables(report: LearningReport): string {
  const tables = report.seeds.length > 0 ? [roundsTable(report)] : [];
  return [...tables, variantsTable(report), ...(report.seeds.length > 0 ? [goalsTable(report)] : [])].join(
    "\n\n",
  );
}

function roundsTable(report: LearningReport): string {
  const { seeds } = report;
  const count = Math.max(...seeds.map(({ rounds }) => rounds.length));
  const rounds = Array.from({ length: count }, (_, i) => i);
  const head = ["self-play", "base", ...rounds.map((i) => `round ${i + 1}`), "gain"];
  const perSeed = seeds.map(({ seed }) => `seed ${seed}`);
  const rows = measures.map((measure) => {
    const at = (scores: (play: Play) => Scores | undefined) =>
      percent(mean(seeds.map((play) => scores(play)?.[measure])));
    const gains = seeds.map((play) => gainOf(play, measure));
    const closed = gapClosed(report, measure);
    return [
      measure,
      at(({ base }) => base),
      ...rounds.map((i) => at((play) => play.rounds[i])),
      ...[mean(gains), ...gains].map(withSign),
      closed === null ? "–" : `${(100 * closed).toFixed(0)}%`,
    ];
  });
  return table([[...head, ...perSeed, "gap closed"], ...rows]);
}

function variantsTable(report: LearningReport): string {
  const variants = [selfPlay, ...Object.keys(report.controls)].filter(
    (name) => playsOf(report, name).length > 0,
  );
  const rows = variants.map((variant) => {
    const plays = playsOf(report, variant);
    const cells = measures.map((measure) => {
      const last = percent(mean(plays.map(({ rounds }) => rounds.at(-1)?.[measure])));
      const gain = mean(plays.map((play) => gainOf(play, measure)));
      return gain === null ? last : `${last} ${withSign(gain)}`;
    });
    return [variant, `${plays.length}`, ...cells];
  });
  return table([["last round", "seeds", ...measures], ...rows]);
}

function percent(value: number | null): string {
  return value === null ? "–" : value.toFixed(1);
}

function withSign(value: number | null): string {
  return value === null ? "–" : `${value < 0 ? "" : "+"}${value.toFixed(1)}`;
}
