import { rm } from "node:fs/promises";
import { join } from "node:path";
import { concat, concatMap, defer, EMPTY, type Observable } from "rxjs";
import type { RunEvent, SafetyChecked, SuiteFigures } from "../replay/events.ts";
import type { Environment } from "../training/environment.ts";
import { type ActingReport, actIn } from "./acting.ts";
import { checkpoint } from "./checkpoints/checkpoint.ts";
import { type EnvironmentStage, lastRoundOf } from "./config/stages.ts";
import type { Run } from "./run.ts";
import type { SafetyProgress } from "./safety.ts";
import { isSurelyAbove } from "./statistics.ts";
import { noveltySeed } from "./watching.ts";

/**
 * Before an update that a look is due at: the suite is acted in greedily, always the same tasks by the same seeds. Where the policy
 * violates constraints in surely more of its decisions than the best one did, it goes back to the last that did not: held against
 * that, a policy that gets worse bit by bit would never be noticed. Else it is the safe one, and kept. What was found is recorded, and a checkpoint made of it, so that a run that goes on has the same to go back to.
 */
export function lookAtSafety(run: Run, config: EnvironmentStage, updates: number): Observable<RunEvent> {
  const { every } = config.safety.gate;
  if (every === 0 || config.imitates || updates % every !== 0) return EMPTY;
  return look(run, config, updates);
}

/** After the last update: looks once more, and goes back to the best, which is what the stage has made. */
export function keepSafest(run: Run, config: EnvironmentStage, updates: number): Observable<RunEvent> {
  if (config.safety.gate.every === 0 || config.imitates) return EMPTY;
  return concat(
    look(run, config, updates),
    defer(() => {
      const known = run.progress.safety;
      if (known === null || known.best.updates === known.current) return EMPTY;
      return goBack(run, known.best, {
        ...placeOf(run, config, updates + 1),
        ...{ found: known.best, safe: known.best, best: known.best, returnedTo: known.best.updates },
        message: `the policy after ${known.best.updates} updates was the best, and is what the stage has made`,
      }).pipe(saved(run, config, updates));
    }),
  );
}

function look(run: Run, config: EnvironmentStage, updates: number): Observable<RunEvent> {
  return defer(() => {
    const known = run.progress.safety;
    return known !== null && known.looked >= updates ? EMPTY : compare(run, config, updates, known);
  });
}

function compare(
  run: Run,
  config: EnvironmentStage,
  updates: number,
  known: SafetyProgress | null,
): Observable<RunEvent> {
  return defer(() => actInSuite(run, config)).pipe(
    concatMap((report) => {
      const found = figuresOf(report, updates);
      const place = placeOf(run, config, updates);
      if (known && isSurelyAbove(found.violations, known.best.violations))
        return goBack(run, known.safe, {
          ...place,
          ...{ found, safe: known.safe, best: known.best, returnedTo: known.safe.updates },
          message: `${shown(found)} violate a constraint, after ${known.best.updates} updates ${shown(known.best)} did: the policy goes back to that after ${known.safe.updates}, the last that is not surely worse; lower learningRate, or look more often (stages.${run.stage.index}.safety.gate)`,
        }).pipe(saved(run, config, updates));
      const { suiteBefore } = run.progress;
      const before = known === null && suiteBefore ? { before: suiteBefore } : {};
      const best = known === null || isBetter(found, known.best) ? found : known.best;
      return defer(() => keep(run, found, best)).pipe(
        concatMap(() =>
          run.record([{ ...place, found, safe: found, best, returnedTo: null, message: null, ...before }]),
        ),
        saved(run, config, updates),
      );
    }),
  );
}

/** A run that goes on from here does not look again; before the first update it does, for its phase has yet to begin. */
function saved(
  run: Run,
  { kind }: EnvironmentStage,
  updates: number,
): (recorded: Observable<RunEvent>) => Observable<RunEvent> {
  const save = defer(() => {
    if (updates === 0) return EMPTY;
    run.advance(run.at(lastRoundOf(run.stage), kind, updates));
    return checkpoint(run, true);
  });
  return (recorded) => concat(recorded, save);
}

/** The policy as it was, recorded. */
function goBack(
  run: Run,
  { updates }: SuiteFigures,
  event: Omit<SafetyChecked, "policyVersion">,
): Observable<RunEvent> {
  const policy = run.policy("reasoner");
  return defer(async () => {
    await policy.loadState(folderOf(run, updates));
    return (await policy.info()).version;
  }).pipe(concatMap((policyVersion) => run.record([{ ...event, policyVersion }])));
}

/** Keeps the policy as it is; of those before it, what no checkpoint can name any more goes. */
async function keep(run: Run, { updates }: SuiteFigures, best: SuiteFigures): Promise<void> {
  await run.policy("reasoner").saveState(folderOf(run, updates));
  const every = (run.stage.config as EnvironmentStage).safety.gate.every;
  const kept = run.config.checkpoint.keep + 1;
  for (let old = updates - kept * every; old >= 0; old -= every)
    if (old !== best.updates) await rm(folderOf(run, old), { recursive: true, force: true });
}

function folderOf(run: Run, updates: number): string {
  return join(run.ports.folder, "safe", `${run.stage.name}-${updates}`);
}

function actInSuite(run: Run, config: EnvironmentStage): Promise<ActingReport> {
  const { environment, signal } = run;
  const { tasks } = config.safety.gate;
  const suite = environment.suite ?? environment;
  const count = Math.min(tasks, suite.tasks);
  return actIn(run.policy("reasoner"), suite, turnsIn(environment, config), {
    ...{ from: environment.suite ? 0 : suite.tasks - count, tasks: count, temperature: 0 },
    ...{ seed: run.seed("suite", lastRoundOf(run.stage)), signal, clock: run.ports.clock },
    ...{ training: { environment, seed: noveltySeed(run) }, progress: () => {} },
  });
}

/** A suite says itself where its tasks end. */
function turnsIn({ suite }: Environment, config: EnvironmentStage): EnvironmentStage {
  return suite ? { ...config, maxTurns: 1000 } : config;
}

function figuresOf({ charged, meanReward, safety, success }: ActingReport, updates: number): SuiteFigures {
  if (!charged || !safety) throw new RangeError("a look at the safety of an environment without constraints");
  return { updates, decisions: safety.decisions, violations: charged, reward: meanReward, success };
}

/** Safety first, then reward. */
function isBetter(found: SuiteFigures, best: SuiteFigures): boolean {
  const fewer = found.violations.percent - best.violations.percent;
  return fewer < 0 || (fewer === 0 && found.reward > best.reward);
}

function placeOf(run: Run, config: EnvironmentStage, looked: number) {
  return {
    type: "safetyChecked",
    ...{ round: lastRoundOf(run.stage), phase: config.kind, looked },
    policyVersion: run.progress.versions.reasoner ?? 0,
  } as const;
}

function shown({ violations: { percent, low, high }, decisions }: SuiteFigures): string {
  const perThousand = [percent, low, high].map((share) => (10 * share).toFixed(0));
  return `${perThousand[0]} (${perThousand[1]} to ${perThousand[2]}) of 1,000 decisions (${decisions} in the suite)`;
}
