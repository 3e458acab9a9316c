import { RandomStream } from "../../common/random.ts";
import {
  type AnswerRecord,
  type AttributionRecord,
  type CheckRecord,
  type CompletionRecord,
  type CurriculumEpisode,
  type EpisodeEvent,
  type QuestionerEpisode,
  type QuestionRecord,
  REPLAY_VERSION,
  type ReasonerEpisode,
  type RunEvent,
  type ToolsRecord,
  type TrajectoryRecord,
  type TurnRecord,
  type VerdictRecord,
} from "../../replay/events.ts";
import { type StoredImage, writeImage } from "../../replay/image_files.ts";
import { SELF_PLAY } from "../../replay/self_play.ts";
import { at } from "../fakes/run_events.ts";

/** Texts that are hostile to SQL, JSON, lines, C strings and search. */
const words = [
  "red circle",
  "blue square",
  "",
  "quote \" and ' and `",
  "line\nbreak\u2028 and \ttab",
  "nul \0 inside, \x1a, \x1a0 and \x1a1",
  "￼ and {question} and $1 $& ?",
  "émoji 👩‍🚀 と 日本",
  "AND OR NOT NEAR ( * ) : ^",
  "unanswerable",
];

/** The image of all turns that are drawn here. */
export const turnImage = { id: "image-3", extension: "png" } as const;

/** Stores it in a run's folder. */
export function writeTurnImage(folder: string): StoredImage {
  return writeImage(folder, turnImage, Uint8Array.of(1, 2, 3));
}

/** Where self-play records an episode of each type. */
const origins = {
  questionerEpisode: { stage: SELF_PLAY, phase: "questioner", role: "questioner" },
  curriculumEpisode: { stage: SELF_PLAY, phase: "curriculum", role: "questioner" },
  reasonerEpisode: { stage: SELF_PLAY, phase: "reasoner", role: "reasoner" },
} as const;

/** Some of them share a phase, or a role, with self-play. */
const unknownOrigins = [
  { stage: "gym", phase: "hand\0stand ' \x1a", role: "acrobat" },
  { stage: "gym", phase: "questioner", role: "judge" },
  { stage: SELF_PLAY, phase: "duel", role: "reasoner" },
] as const;

/** Draws events of every kind from a seed, so that a failure can be played again; of self-play alone, or of any names. */
export class RandomEvents {
  readonly #stream: RandomStream;
  readonly #names: "any" | "selfPlay";

  constructor(seed: number, names: "any" | "selfPlay" = "any") {
    this.#stream = new RandomStream(seed);
    this.#names = names;
  }

  /** Any event of a run. */
  event(): RunEvent {
    const kind = this.#integer(4);
    if (kind === 0) {
      return { version: REPLAY_VERSION, atMs: this.#integer(1e6), stage: SELF_PLAY, ...this.#other() };
    }
    return this.episode((["questionerEpisode", "curriculumEpisode", "reasonerEpisode"] as const)[kind - 1]);
  }

  events(count: number): RunEvent[] {
    return Array.from({ length: count }, () => this.event());
  }

  episode(type: EpisodeEvent["type"] = "reasonerEpisode"): EpisodeEvent {
    const isKnown = this.#names === "selfPlay" || this.#integer(4) > 0;
    const shared = {
      version: REPLAY_VERSION,
      atMs: 1_700_000_000_000 + this.#integer(1e6),
      ...(isKnown ? origins[type] : unknownOrigins[this.#integer(unknownOrigins.length)]),
      round: 1 + this.#integer(3),
      step: this.#integer(5),
      image: { index: this.#integer(4), name: `${this.#word()}.png`, id: `image-${this.#integer(4)}` },
      versions: isKnown
        ? { questioner: this.#integer(9), reasoner: this.#integer(9) }
        : this.#record(() => this.#integer(9)),
    } as const;
    const make: Record<EpisodeEvent["type"], () => Partial<EpisodeEvent>> = {
      questionerEpisode: () => this.#questioner(),
      curriculumEpisode: () => this.#curriculum(),
      reasonerEpisode: () => this.#reasoner(),
    };
    return { ...shared, ...make[type]() } as EpisodeEvent;
  }

  #questioner(): Partial<QuestionerEpisode> {
    const rollouts = this.#many(4, () => ({
      ...this.#question(),
      blindAnswers: this.#many(3, () => this.#answer()),
      checks: this.#record(() => this.#check()),
      parts: this.#record(() => this.#number()),
      reward: this.#orNull(() => this.#number()),
      advantage: this.#number(),
      referenceLogProbs: this.#orNull(() => this.#many(4, () => 0 - this.#stream.integer(64) / 16)),
    }));
    return { type: "questionerEpisode", prompt: this.#word(), rollouts };
  }

  #curriculum(): Partial<CurriculumEpisode> {
    const questions = this.#many(4, () => ({
      ...this.#question(),
      blindAnswers: this.#integer(2) ? [this.#answer(), this.#answer()] : [],
      described: this.#orNull(() => ({
        descriptions: [this.#word()],
        description: this.#word(),
        solution: this.#orNull(() => this.#word()),
        verdict: this.#verdict(),
      })),
      rejection: this.#orNull(() => "duplicate" as const),
      label: this.#orNull(() => this.#word()),
      solution: this.#orNull(() => this.#integer(3)),
    }));
    return { type: "curriculumEpisode", prompt: this.#word(), questions };
  }

  #reasoner(): Partial<ReasonerEpisode> {
    const question = this.#word();
    const rollouts = this.#many(4, () => ({
      ...this.#answer(),
      trajectory: this.#orNull(() => this.#trajectory()),
      parts: this.#record(() => this.#number()),
      reward: this.#number(),
      advantage: this.#number(),
      attribution: this.#orNull(() => this.#attribution()),
      referenceLogProbs: this.#orNull(() => this.#many(4, () => 0 - this.#stream.integer(64) / 16)),
    }));
    const prompt = this.#integer(2) ? `Look: ${question} Answer!` : this.#word();
    return {
      type: "reasonerEpisode",
      prompt,
      turns: this.#orNull(() => this.#many(3, () => this.#turn())),
      tools: this.#orNull(() => this.#tools()),
      view: this.#integer(9),
      question,
      label: this.#orNull(() => this.#word()),
      confidence: this.#stream.uniform(),
      rollouts,
    };
  }

  #tools(): ToolsRecord {
    const told = (["template", "usualWords", "ownWords"] as const)[this.#integer(3)] as "template";
    const functions = this.#many(2, () => {
      const parameters = { type: "object", properties: this.#record(() => ({ type: this.#word() })) };
      return {
        type: "function",
        function: { name: this.#word(), description: this.#word(), parameters },
      } as const;
    });
    return { functions, told };
  }

  #attribution(): AttributionRecord {
    return {
      description: this.#orNull(() => this.#word()),
      checks: this.#record(() => this.#number()),
      conclusion: this.#orNull(() => this.#word()),
      ...{ described: this.#orNull(() => true), concluded: this.#orNull(() => false) },
      cause: this.#orNull(() => this.#word()),
      by: "consensus",
    };
  }

  #trajectory(): TrajectoryRecord {
    return {
      observations: this.#many(3, () => ({
        after: this.#integer(99),
        turns: this.#many(2, () => this.#turn()),
      })),
      turns: this.#many(3, () => ({
        text: this.#word(),
        parts: this.#record(() => this.#number()),
        call: this.#orNull(() => ({ tool: this.#word(), fault: this.#orNull(() => this.#word()) })),
        advantage: this.#orNull(() => this.#number()),
      })),
      end: this.#integer(2) ? "done" : "fault",
      success: this.#orNull(() => this.#integer(2) === 1),
      fault: this.#orNull(() => ({ kind: this.#word(), reason: this.#word() })),
      failure: this.#orNull(() => ({ turn: this.#integer(3), kind: this.#word() })),
    };
  }

  #turn(): TurnRecord {
    const part = () => (this.#integer(2) ? this.#word() : { image: turnImage.id });
    return { role: this.#word(), parts: this.#many(3, part) };
  }

  #question(): QuestionRecord {
    return {
      completion: this.#completion(),
      question: this.#orNull(() => this.#word()),
      failure: this.#orNull(() => this.#word()),
      ownAnswer: this.#orNull(() => this.#word()),
      answers: this.#many(4, () => this.#answer()),
      verdict: this.#orNull(() => this.#verdict()),
    };
  }

  #verdict(): VerdictRecord {
    return {
      silver: this.#orNull(() => this.#word()),
      confidence: this.#stream.uniform(),
      votes: this.#many(3, () => ({ answer: this.#word(), count: this.#integer(9) })),
      abstentions: this.#integer(9),
      parseFailures: this.#integer(9),
      samples: this.#integer(9),
      verified: this.#orNull(() => this.#integer(9)),
    };
  }

  #answer(): AnswerRecord {
    return {
      ...this.#completion(),
      outcome: (["answered", "abstained", "unparsed"] as const)[this.#integer(3)] as "answered",
      vote: this.#orNull(() => this.#word()),
      failure: this.#orNull(() => this.#word()),
      trajectory: this.#integer(8) === 0 ? this.#trajectory() : null,
      verified: this.#orNull(() => this.#integer(2) === 1),
    };
  }

  #completion(): CompletionRecord {
    const tokens = this.#many(30, () => this.#integer(2 ** this.#integer(32)));
    const logProbs = tokens.map(() => Math.fround(Math.log(this.#stream.uniform())));
    const finishReason = this.#integer(2) ? "stop" : "length";
    return { tokens, logProbs, text: this.#word(), finishReason };
  }

  #check(): CheckRecord {
    return { passed: this.#integer(2) === 1, value: this.#number(), threshold: this.#number() };
  }

  #other() {
    const place = { round: this.#integer(3), phase: "questioner" } as const;
    return this.#integer(2)
      ? ({ type: "phaseFinished", ...place, durationMs: this.#number(), figures: null } as const)
      : ({ type: "runFailed", code: "internal", message: this.#word() } as const);
  }

  #record<T>(value: () => T): Record<string, T> {
    return Object.fromEntries(this.#many(3, () => [`name ${this.#integer(3)}`, value()] as const));
  }

  #number(): number {
    return this.#integer(3) === 0 ? this.#integer(2) : this.#stream.uniform() * 4 - 2;
  }

  #word(): string {
    return this.#many(3, () => words[this.#integer(words.length)] as string).join(" ");
  }

  #many<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.#integer(most + 1) }, make);
  }

  #orNull<T>(make: () => T): T | null {
    return this.#integer(4) === 0 ? null : make();
  }

  #integer(below: number): number {
    return this.#stream.integer(below);
  }
}

/** A small event that can be told from others. */
export function marked(code: number): RunEvent {
  return at(0.005, { type: "runFailed", code: String(code), message: "" });
}

/** An episode with a question for each label; where that is null, the question was rejected. */
export function curriculumEpisode({
  round,
  labels,
}: {
  readonly round: number;
  readonly labels: readonly (string | null)[];
}): CurriculumEpisode & RunEvent {
  const completion = { tokens: [], logProbs: [], text: "", finishReason: "stop" } as const;
  const verdict = {
    confidence: 0.5,
    votes: [],
    abstentions: 0,
    parseFailures: 0,
    samples: 0,
    verified: null,
  };
  const { image, prompt, versions } = plainEpisode();
  return {
    version: REPLAY_VERSION,
    atMs: 7,
    type: "curriculumEpisode",
    ...origins.curriculumEpisode,
    round,
    step: 0,
    image,
    prompt,
    versions,
    questions: labels.map((label) => ({
      completion,
      question: `is it ${label} ?`,
      failure: null,
      ownAnswer: null,
      answers: [],
      described: null,
      solution: null,
      blindAnswers: [],
      verdict: { ...verdict, silver: label ?? "no" },
      rejection: label === null ? "aboveBand" : null,
      label,
    })),
  };
}

/** A Reasoner's episode that is easy to look at. */
export function plainEpisode(changes: Partial<ReasonerEpisode> = {}): ReasonerEpisode & RunEvent {
  const rollout = {
    tokens: [1, 300, 70_000],
    logProbs: [-0.5, -0.25, 0],
    text: "<answer> red </answer>",
    finishReason: "stop",
    outcome: "answered",
    vote: "red",
    failure: null,
    parts: { agreement: 0.9, format: 0.1 },
    reward: 1,
    advantage: 0,
    trajectory: null,
    verified: null,
    attribution: null,
    referenceLogProbs: [-0.75, -0.25, -1],
  } as const;
  return {
    version: REPLAY_VERSION,
    atMs: 7,
    type: "reasonerEpisode",
    ...origins.reasonerEpisode,
    round: 1,
    step: 0,
    image: { index: 3, name: "3.png", id: "image-3" },
    prompt: "Look. which colour ? Answer.",
    versions: { questioner: 1, reasoner: 2 },
    turns: null,
    tools: null,
    view: 2,
    question: "which colour ?",
    label: "red",
    confidence: 0.75,
    rollouts: [rollout, { ...rollout, reward: 0.1, parts: { agreement: 0, format: 0.1 } }],
    ...changes,
  };
}
