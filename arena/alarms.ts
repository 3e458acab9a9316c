import type {
  Alarm,
  AlarmName,
  EvaluationReport,
  EventBody,
  Health,
  PhaseFigures,
} from "../replay/events.ts";
import { groundingSigns } from "./cause_alarm.ts";
import type { AlarmConfig, AlarmsConfig, EvaluationAlarm } from "./config/alarms.ts";
import { lookingSigns } from "./looking/alarms.ts";
import { mean } from "./statistics.ts";

/** What alarms look at of one step. */
export interface StepFigures extends Health {
  /** Of the completions of the policy that learns; null where none does. */
  readonly meanTokens: number | null;
  readonly meanReward: number | null;
  readonly meanConfidence: number | null;
}

/** Steps that say what a phase came to. */
const LAST_STEPS = 5;

/** How one figure tells a collapse. */
interface Rule {
  /** Which side of the threshold is bad. */
  readonly bad: "above" | "below";
  /** The figure over a phase that has at least that many steps; null where nothing was there to judge. */
  value(phase: PhaseSteps, window: number): number | null;
  /** What was found, in words. */
  describe(value: number): string;
  readonly remedy: string;
}

const percent = (value: number) => `${(100 * value).toFixed(0)}%`;

/** A share: its mean over the window. */
function shareRule(name: keyof Health, of: string, remedy: string): Rule {
  const value = ({ last }: PhaseSteps, window: number) => meanOf(last.slice(-window), name);
  return { bad: "above", value, describe: (share) => `${percent(share)} of ${of}`, remedy };
}

const rules: Readonly<Record<Exclude<AlarmName, "silverAccuracy" | EvaluationAlarm>, Rule>> = {
  answerEntropy: {
    bad: "below",
    value: normalisedEntropy,
    describe: (value) => `the answers have ${percent(value)} of the entropy that they could have`,
    remedy: "the answers collapse; raise reasoner.beta or lower reasoner.learningRate",
  },
  constantAnswer: shareRule(
    "commonestAnswer",
    "the prompts have the same majority answer",
    "the majority confirms itself; raise reasoner.beta or lower curriculum.band.high",
  ),
  parseFailures: shareRule(
    "parseFailures",
    "the answers do not parse",
    "raise reasoner.reward.format or reasoner.maxTokens",
  ),
  abstentions: shareRule(
    "abstentions",
    "the answers abstain",
    "lower questioner.reward.maxAbstentionShare, or set curriculum.keepUnanswerable to false",
  ),
  malformedQuestions: shareRule(
    "malformedQuestions",
    "the questions do not parse",
    "raise questioner.beta or questioner.maxTokens",
  ),
  clusterShare: shareRule(
    "clusterShare",
    "an image's questions are near duplicates",
    "raise questioner.reward.diversityWeight or questioner.temperature",
  ),
  templateShare: shareRule(
    "templateShare",
    "the questions begin with the same three words",
    "raise questioner.temperature or questioner.beta",
  ),
  cutAnswers: shareRule("cutAnswers", "the answers are cut off at their longest", "raise reasoner.maxTokens"),
  cutQuestions: shareRule(
    "cutQuestions",
    "the questions are cut off at their longest",
    "raise questioner.maxTokens",
  ),
  lengthGrowth: {
    bad: "above",
    value: ({ first, last }, window) => {
      const [before, now] = [
        meanOf(first.slice(0, window), "meanTokens"),
        meanOf(last.slice(-window), "meanTokens"),
      ];
      return before === null || now === null || before === 0 ? null : now / before;
    },
    describe: (value) => `completions are ${value.toFixed(1)} times as long as at the phase's beginning`,
    remedy: "raise the phase's beta, or reasoner.reward.brevity",
  },
};

/** What alarms need to know of a phase that goes on: as much after a million steps as after a few. */
export interface PhaseSteps {
  /** As many of its first and of its last steps as the longest window holds. */
  readonly first: readonly StepFigures[];
  readonly last: readonly StepFigures[];
  /** The most different answers that one of its steps had. */
  readonly mostDistinct: number;
}

const noSteps: PhaseSteps = { first: [], last: [], mostDistinct: 0 };

/** Nothing was recorded yet. */
export const noAlarms: AlarmsState = { phase: noSteps, raised: [], accuracies: [], base: null };

/** What later alarms depend on. */
export interface AlarmsState {
  readonly phase: PhaseSteps;
  /** Raised in that phase already. */
  readonly raised: readonly AlarmName[];
  /** Accuracy of the last rounds' silver answers, [round, share]. */
  readonly accuracies: readonly (readonly [number, number])[];
  /** What the base's evaluation found; null before it, and absent from states of earlier releases. */
  readonly base?: BaseReport | null;
}

/** What later evaluations are held against. */
type BaseReport = Pick<EvaluationReport, "looking" | "attribution">;

/** The alarms of a run: a fold over what it records, which goes on from a state. */
export class Alarms {
  readonly #config: AlarmsConfig;
  #phase: PhaseSteps;
  readonly #raised: Set<AlarmName>;
  readonly #accuracies: Map<number, number>;
  #base: BaseReport | null;

  constructor(config: AlarmsConfig, { phase, raised, accuracies, base = null }: AlarmsState = noAlarms) {
    this.#config = config;
    this.#phase = phase;
    this.#raised = new Set(raised);
    this.#accuracies = new Map(accuracies);
    this.#base = base;
  }

  state(): AlarmsState {
    return {
      phase: this.#phase,
      raised: [...this.#raised],
      accuracies: [...this.#accuracies],
      base: this.#base,
    };
  }

  /** What the last steps of the phase came to. */
  figures(): PhaseFigures {
    const last = this.#phase.last.slice(-LAST_STEPS);
    const failures = meanOf(last, "parseFailures");
    return {
      reward: meanOf(last, "meanReward"),
      confidence: meanOf(last, "meanConfidence"),
      parsed: failures === null ? null : 1 - failures,
    };
  }

  /** Takes events in their order, and gives the alarms that they raise: each kind once in a phase. */
  after(events: readonly EventBody[]): Alarm[] {
    return events.flatMap((event) => this.#take(event));
  }

  #take(event: EventBody): Alarm[] {
    switch (event.type) {
      case "phaseStarted":
        this.#phase = noSteps;
        this.#raised.clear();
        return [];
      case "questionerStep":
      case "curriculumStep":
      case "reasonerStep": {
        const { meanTokens, meanReward } =
          "meanReward" in event ? event : { meanTokens: null, meanReward: null };
        const meanConfidence = "meanConfidence" in event ? event.meanConfidence : null;
        const figures = { ...event.health, meanTokens, meanReward, meanConfidence };
        this.#phase = withStep(this.#phase, figures, this.#stepsKept);
        return this.#judgeSteps(event);
      }
      case "curriculumBuilt":
        return this.#judgeSilver(event, event.audit?.silverCorrect ?? null);
      case "audited":
        return this.#judgeSilver(event, event.silverCorrect);
      case "evaluated": {
        const { round, phase, report } = event;
        const { looking, attribution } = report;
        const signs = [
          ...lookingSigns(report, this.#base?.looking ?? null, this.#config),
          ...groundingSigns(report, this.#base, this.#config),
        ];
        if (round === 0) this.#base = { looking, attribution };
        return signs.map((sign) => ({ type: "alarm", round, phase, step: null, window: 1, ...sign }));
      }
      default:
        return [];
    }
  }

  #judgeSteps(place: Place): Alarm[] {
    return (Object.keys(rules) as (keyof typeof rules)[]).flatMap((name) => {
      const config = this.#config[name];
      const rule = rules[name];
      if (this.#phase.last.length < config.window) return [];
      return this.#judge(name, place, rule.value(this.#phase, config.window), rule);
    });
  }

  /** Steps of a phase's beginning, and of its end, that are kept. */
  get #stepsKept(): number {
    const windows = (Object.keys(rules) as (keyof typeof rules)[]).map((name) => this.#config[name].window);
    return Math.max(LAST_STEPS, ...windows);
  }

  /** An audited set, judged after the images' own truth, takes its place. */
  #judgeSilver(place: Place, accuracy: number | null): Alarm[] {
    if (accuracy === null) return [];
    this.#accuracies.set(place.round, accuracy);
    const { window } = this.#config.silverAccuracy;
    for (const round of [...this.#accuracies.keys()].slice(0, -window)) this.#accuracies.delete(round);
    const known = [...this.#accuracies.values()];
    return known.length < window ? [] : this.#judge("silverAccuracy", place, mean(known), silverRule);
  }

  #judge(
    name: Exclude<AlarmName, EvaluationAlarm>,
    { round, phase, step }: Place,
    value: number | null,
    rule: Criterion,
  ): Alarm[] {
    const { threshold, window }: AlarmConfig = this.#config[name];
    if (value === null || this.#raised.has(name)) return [];
    if (rule.bad === "above" ? value <= threshold : value >= threshold) return [];
    this.#raised.add(name);
    const expected = `expected at ${rule.bad === "above" ? "most" : "least"} ${bound(name, threshold)}`;
    const remedy = phase === "grpo" || phase === "environment" ? stageRemedy : rule.remedy;
    const message = `${rule.describe(value)}, ${expected} (alarms.${name}); ${remedy}`;
    return [{ type: "alarm", round, phase, name, step: step ?? null, value, threshold, window, message }];
  }
}

interface Place {
  readonly round: number;
  readonly phase: string;
  readonly step?: number;
}

/** What helps where a stage of its own is rewarded by labels or an environment. */
const stageRemedy = "raise the stage's beta or lower its learningRate";

type Criterion = Pick<Rule, "bad" | "describe" | "remedy">;

const silverRule: Criterion = {
  bad: "below",
  describe: (value) => `${percent(value)} of the silver answers are true`,
  remedy: "raise curriculum.band.low or curriculum.answersPerQuestion",
};

function bound(name: AlarmName, threshold: number): string {
  return name === "lengthGrowth" ? `${threshold}` : percent(threshold);
}

function withStep({ first, last, mostDistinct }: PhaseSteps, step: StepFigures, kept: number): PhaseSteps {
  return {
    first: first.length < kept ? [...first, step] : first,
    last: [...last, step].slice(-kept),
    mostDistinct: Math.max(mostDistinct, step.distinctAnswers),
  };
}

/** Entropy over the log of the most different answers that a step of this phase had, 0 to 1. */
function normalisedEntropy({ last, mostDistinct }: PhaseSteps, window: number): number | null {
  const entropy = meanOf(last.slice(-window), "answerEntropy");
  if (entropy === null) return null;
  return mostDistinct > 1 ? entropy / Math.log(mostDistinct) : 0;
}

/** The mean over steps that have a figure; null if none has. */
function meanOf(steps: readonly StepFigures[], name: keyof StepFigures): number | null {
  const values = steps.flatMap((step) => step[name] ?? []);
  return values.length === 0 ? null : mean(values);
}
