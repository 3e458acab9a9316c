import { picturesLookedAt } from "../arena/config/evaluation.ts";
import { isFaultOfPrompt } from "../common/errors.ts";
import type { Phase } from "../replay/stages.ts";
import { duration } from "./format.ts";
import type { Measured } from "./gauge.ts";
import { type Pace, paceOf } from "./pace.ts";
import { type OneStage, partOf, unitsPerStep } from "./phase_work.ts";
import { type ProbeOptions, type ProbePorts, probe, untilCut } from "./probe.ts";

/** What a series of probes may find. */
export interface Probe extends Measured {
  /** Of short calls, by which phases that were not reached are guessed; null where not even those ended in time. */
  readonly pace?: Pace | null;
}

/** What it found, and how. */
export interface Probed extends Probe {
  /** What the sizes of the last whole probe's steps were divided by; the first's where none was whole. */
  readonly scale: number;
  readonly tookMs: number;
  /** Whether time was up before the last of them was. */
  readonly cutShort: boolean;
}

export interface ProbesOptions extends Pick<ProbeOptions, "signal" | "until"> {
  /** Of short calls, where it is known already. */
  readonly pace?: Pace | null;
  /** When `until` aborts, on the ports' clock. */
  readonly endMs: number;
  /** Told what is under way, in words. */
  readonly say: (doing: string) => void;
}

/** By this the sizes are divided after the first probe, whose steps are of one image, item, question, row or task each. */
const scales: readonly number[] = [1, 2, 4, 8, 16, 32];
/** The first probe is to reach every phase; later ones are to be right. */
const steps = { first: 2, later: 3 };

/**
 * Probes of a stage at ever larger sizes, as long as time allows: the next one is the largest that is expected to end in
 * time. Of each phase the figures are of the last probe that measured it.
 */
export async function probes(
  config: OneStage,
  ports: ProbePorts,
  { signal, until, endMs, say, ...known }: ProbesOptions,
): Promise<Probed> {
  const startedMs = ports.clock.now();
  const limit = duration(endMs - startedMs);
  const measure = (scale: number, count: number) =>
    probe(config, ports, {
      ...{ scale, steps: count, signal, until },
      follow: ({ phase, step, steps: all }) => {
        const place = `${phase} · step ${Math.min(step + 1, all)}/${all}`;
        say(`probing at ${sizes(scale)}, ${limit} at most · ${place}`);
      },
    });
  const timed = (): Promise<Pace | null> => {
    say(`timing short calls, ${limit} at most`);
    return untilCut(firstPace(ports, AbortSignal.any([signal, until])), { signal, until });
  };
  const pace = known.pace ?? (await timed());
  const smallest = Math.max(...Object.values(unitsPerStep(config, 1)));
  let scale = smallest;
  let found = await measure(smallest, steps.first);
  while (!until.aborted) {
    const expected = (next: number) => expectedMs(config, found.phases, next);
    const next = scales.find((each) => each < scale && expected(each) < endMs - ports.clock.now());
    if (next === undefined) break;
    const larger = await measure(next, steps.later);
    found = {
      phases: { ...found.phases, ...larger.phases },
      admittedShare: larger.admittedShare ?? found.admittedShare,
      trajectories: larger.trajectories ?? found.trajectories,
    };
    if (!until.aborted) scale = next;
  }
  return { ...found, pace, scale, tookMs: ports.clock.now() - startedMs, cutShort: until.aborted };
}
/** The pace of one of the policies, which are alike, about the first image that can be used. */
async function firstPace({ policies, images, clock }: ProbePorts, signal: AbortSignal): Promise<Pace | null> {
  for (let index = 0; index < images.length; index++) {
    try {
      const { image } = await images.load(index);
      return await paceOf(policies.reasoner, image, () => clock.now(), signal);
    } catch (error) {
      if (!isFaultOfPrompt(error)) throw error;
    }
  }
  return null;
}

/** How a scale is called. */
export function sizes(scale: number): string {
  return scale === 1 ? "the configured sizes" : `1/${scale} of the configured sizes`;
}

/** What a probe takes at most: larger steps take less than their share. */
function expectedMs(config: OneStage, phases: Measured["phases"], scale: number): number {
  const units = unitsPerStep(config, scale);
  return Object.entries(phases).reduce((sum, [phase, measured]) => {
    const { unitsPerStep: each, stepMs, firstMs, heldOutRowMs, lookedAtMs = 0 } = measured;
    const perStep = units[phase as Phase] ?? each;
    // A step measures as many rows that are held out as it learns from, at most.
    const step = (stepMs * perStep) / each + heldOutRowMs * perStep;
    const lookedAt = lookedAtMs * partOf(picturesLookedAt(config.evaluation), scale);
    return sum + Math.max(0, firstMs - stepMs) + steps.later * step + lookedAt;
  }, 0);
}
