import { concat, concatMap, defer, EMPTY, type Observable } from "rxjs";
import { VisplayError } from "../common/errors.ts";
import type { Estimate, RunEvent } from "../replay/events.ts";
import { type ActingReport, actIn } from "./acting.ts";
import { splitTasks } from "./config/skills.ts";
import { type EnvironmentStage, lastRoundOf } from "./config/stages.ts";
import type { Run } from "./run.ts";

const skills = ["understanding", "toolUse"] as const;

/**
 * Measures, greedily and on tasks that the stage does not learn from, how right what is said of pictures is and how well tools are
 * used. Ends the run with "belowFloor" where either comes to less than the stage's floor.
 */
export function requireSkills(run: Run, config: EnvironmentStage): Observable<RunEvent> {
  const { environment, stage, signal } = run;
  const round = lastRoundOf(stage);
  const { heldOut } = splitTasks(config, environment.tasks);
  return defer(() =>
    actIn(run.policy("reasoner"), environment, config, {
      from: environment.tasks - heldOut,
      tasks: heldOut,
      temperature: 0,
      seed: run.seed("skills", round),
      signal,
      clock: run.ports.clock,
      progress: () => {},
    }),
  ).pipe(
    concatMap((report) => {
      const { tasks, success, understanding, toolUse } = report;
      const measured = { round, phase: config.kind, tasks, success, understanding, toolUse } as const;
      const record = run.record([{ type: "skillsMeasured", ...measured }]);
      return concat(
        record,
        defer(() => {
          const problems = missed(report, config, stage.index);
          if (problems.length === 0) return EMPTY;
          throw new VisplayError(
            "belowFloor",
            `the stage ${stage.name} trains what is said of pictures, tools and answers together, for which it is too early: ${problems.join("; ")}; train each apart first, with weights of 0 for the other, or lower the floor and go on with resume --allow`,
          );
        }),
      );
    }),
  );
}

/** What came to less than it has to, and the setting that says so. */
function missed(report: ActingReport, { floors }: EnvironmentStage, stage: number): string[] {
  return skills.flatMap((skill) => {
    const estimate = report[skill];
    if (estimate && estimate.percent >= floors[skill]) return [];
    const found = estimate ? `${shown(estimate)} of ${report.tasks} held-out tasks` : "nothing to judge";
    return `${skill}: found ${found}, expected at least ${floors[skill]}% (stages.${stage}.floors.${skill})`;
  });
}

function shown({ percent, low, high }: Estimate): string {
  return `${percent.toFixed(1)}% (${low.toFixed(1)} to ${high.toFixed(1)})`;
}
