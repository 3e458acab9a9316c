import { RandomStream } from "../common/random.ts";
import {
  type AnswerRecord,
  type CompletionRecord,
  type EpisodeEvent,
  type QuestionerRollout,
  type QuestionRecord,
  REPLAY_VERSION,
  type ReasonerRollout,
  type RunEvent,
} from "../replay/events.ts";
import { SELF_PLAY } from "../replay/self_play.ts";

/** Episodes of one round, as the default configuration plays it: phase, steps, episodes of each step. */
const round = [
  ["questioner", 12, 16],
  ["curriculum", 19, 32],
  ["reasoner", 150, 32],
] as const;

const groupSize = 8;
const questionsPerImage = 6;
const answersPerQuestion = 8;
const blindAnswers = 2;
/** Tokens of a completion on average, and at most; longer ones are cut off there. */
const tokensMean = 24;
const tokensMost = 40;
const vocabulary = 49_152;

const colours = ["red", "green", "blue", "yellow", "purple", "orange", "grey", "white"];
const shapes = ["circle", "square", "triangle", "star", "cross", "ring", "diamond", "hexagon"];
const relations = ["left of", "right of", "above", "below", "next to", "far from"];
/** Words beside those of the questions; the later, the rarer. */
const rarest = 20_000;

/** Draws the episodes of a run's steps, one after the other, with figures that depend on each other as real ones do. */
export function* syntheticSteps(episodes: number, seed = 0): Generator<RunEvent[]> {
  const draw = new Draw(seed);
  let left = episodes;
  for (let roundNumber = 1; ; roundNumber++) {
    for (const [phase, steps, perStep] of round) {
      for (let step = 0; step < steps; step++) {
        const count = Math.min(perStep, left);
        yield Array.from({ length: count }, () => draw.episode(phase, roundNumber, step));
        left -= count;
        if (left === 0) return;
      }
    }
  }
}

class Draw {
  readonly #stream: RandomStream;
  #atMs = 1_700_000_000_000;

  constructor(seed: number) {
    this.#stream = new RandomStream(seed);
  }

  episode(phase: (typeof round)[number][0], roundNumber: number, step: number): EpisodeEvent {
    const index = this.#stream.integer(20_000);
    const shared = {
      version: REPLAY_VERSION,
      atMs: this.#atMs++,
      stage: SELF_PLAY,
      phase,
      role: phase === "reasoner" ? "reasoner" : "questioner",
      round: roundNumber,
      step,
      image: { index, name: `folder/picture-${index}.jpg`, id: index.toString(16).padStart(32, "0") },
      versions: {
        questioner: 12 * (roundNumber - 1) + (phase === "questioner" ? step : 12),
        reasoner: 150 * (roundNumber - 1) + (phase === "reasoner" ? step : 0),
      },
    } as const;
    if (phase === "reasoner") return { type: "reasonerEpisode", ...shared, ...this.#reasoner() };
    const prompt = "Look at the picture and ask a question that has one short answer.";
    if (phase === "curriculum") {
      const questions = this.#times(questionsPerImage, () => {
        const record = this.#question();
        const isAdmitted = (record.verdict?.confidence ?? 0) >= 0.6;
        const rejection = isAdmitted ? null : ("belowBand" as const);
        return {
          ...record,
          blindAnswers: [],
          described: null,
          solution: null,
          rejection,
          label: isAdmitted ? (record.verdict?.silver ?? null) : null,
        };
      });
      return { type: "curriculumEpisode", ...shared, prompt, questions };
    }
    const rollouts = this.#times(groupSize, () => this.#questionerRollout());
    return { type: "questionerEpisode", ...shared, prompt, rollouts };
  }

  #reasoner() {
    const question = this.#sceneQuestion();
    const label = this.#colour();
    const ability = this.#stream.uniform();
    const answers = this.#times(groupSize, () =>
      this.#answer(this.#stream.uniform() < ability ? label : undefined),
    );
    const agreed = answers.map(({ vote }) => (vote === label ? 1 : 0));
    const mean = agreed.reduce<number>((sum, value) => sum + value, 0) / groupSize;
    const deviation = Math.sqrt(mean * (1 - mean)) || 1;
    const rollouts = answers.map((answer, i): ReasonerRollout => {
      const parts = {
        agreement: 0.9 * (agreed[i] ?? 0),
        format: answer.outcome === "unparsed" ? 0 : 0.1,
        brevity: -answer.tokens.length / 1000,
      };
      const reward = parts.agreement + parts.format + parts.brevity;
      const advantage = ((agreed[i] ?? 0) - mean) / deviation;
      return { ...answer, attribution: null, parts, reward, advantage, referenceLogProbs: answer.logProbs };
    });
    const prompt = `Look at the picture. ${question} Answer with one word between <answer> and </answer>.`;
    return {
      prompt,
      turns: null,
      tools: null,
      view: 0,
      question,
      label,
      confidence: this.#share(),
      rollouts,
    };
  }

  #questionerRollout(): QuestionerRollout {
    const record = this.#question();
    const confidence = record.verdict?.confidence ?? 0;
    const parses = record.question !== null;
    const uncertainty = 1 - Math.abs(2 * confidence - 1);
    const duplicateShare = (1 + this.#stream.integer(3)) / groupSize;
    const gate = parses && confidence > 0.2 ? 1 : 0;
    const blind = this.#share();
    return {
      ...record,
      blindAnswers: parses ? this.#times(blindAnswers, () => this.#answer()) : [],
      checks: {
        format: { passed: parses, value: parses ? 1 : 0, threshold: 1 },
        parse: { passed: true, value: this.#share(), threshold: 0.5 },
        abstention: { passed: confidence > 0.2, value: 1 - confidence, threshold: 0.25 },
        blind: { passed: blind <= 0.5, value: blind, threshold: 0.5 },
      },
      parts: { gate, uncertainty, confidence, duplicateShare, penalty: duplicateShare },
      reward: gate * Math.max(0, uncertainty - duplicateShare),
      advantage: this.#stream.uniform() * 4 - 2,
      referenceLogProbs: record.completion.logProbs,
    };
  }

  #question(): QuestionRecord {
    const parses = this.#stream.uniform() < 0.95;
    const question = this.#sceneQuestion();
    const text = parses ? `<question> ${question} </question>` : question;
    const ability = this.#stream.uniform();
    const silver = this.#colour();
    const answers = parses
      ? this.#times(answersPerQuestion, () =>
          this.#answer(this.#stream.uniform() < ability ? silver : undefined),
        )
      : [];
    const counts = new Map<string, number>();
    for (const { vote } of answers) if (vote !== null) counts.set(vote, (counts.get(vote) ?? 0) + 1);
    const votes = [...counts].map(([answer, count]) => ({ answer, count })).sort((a, b) => b.count - a.count);
    const total = votes.reduce((sum, { count }) => sum + count, 0);
    return {
      completion: this.#completion(text),
      question: parses ? question : null,
      failure: parses ? null : "no <question>",
      ownAnswer: null,
      answers,
      verdict: parses
        ? {
            silver: votes[0]?.answer ?? null,
            confidence: total === 0 ? 0 : (votes[0]?.count ?? 0) / total,
            votes,
            abstentions: 0,
            parseFailures: answers.length - total,
            samples: answers.length,
            verified: null,
          }
        : null,
    };
  }

  #answer(vote: string = this.#colour()): AnswerRecord {
    const parses = this.#stream.uniform() < 0.97;
    const text = `${this.#rareWord()} ${this.#rareWord()} so it is ${vote} <answer> ${vote} </answer>`;
    return {
      ...this.#completion(parses ? text : text.slice(0, 20)),
      outcome: parses ? "answered" : "unparsed",
      vote: parses ? vote : null,
      failure: parses ? null : "no <answer>",
      trajectory: null,
      verified: null,
    };
  }

  /** About one in fifty is cut off. */
  #completion(text: string): CompletionRecord {
    const drawn = Math.round(tokensMean * (0.3 + 1.4 * this.#stream.uniform()));
    const isCut = this.#stream.uniform() < 0.02;
    const length = isCut ? tokensMost : drawn;
    return {
      tokens: this.#times(length, () => this.#skew(vocabulary)),
      logProbs: this.#times(length, () => Math.fround(Math.log(1 - this.#stream.uniform()) / 4)),
      text,
      finishReason: isCut ? "length" : "stop",
    };
  }

  #sceneQuestion(): string {
    const shape = () => `${this.#colour()} ${shapes[this.#stream.integer(shapes.length)]}`;
    const relation = relations[this.#stream.integer(relations.length)];
    return `what is ${relation} the ${shape()} and the ${shape()} near word${this.#skew(rarest)} ?`;
  }

  #colour(): string {
    return colours[this.#stream.integer(colours.length)] as string;
  }

  #rareWord(): string {
    return `word${this.#skew(rarest)}`;
  }

  /** Small numbers often, large ones seldom. */
  #skew(below: number): number {
    return Math.floor(below * this.#stream.uniform() ** 4);
  }

  #share(): number {
    return this.#stream.integer(answersPerQuestion + 1) / answersPerQuestion;
  }

  #times<T>(count: number, make: () => T): T[] {
    return Array.from({ length: count }, make);
  }
}
