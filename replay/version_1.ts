import type { EventBody } from "./events.ts";

/**
 * What the first version wrote otherwise than the second, by the type of its events. It describes what stands in files:
 * nothing here changes any more, and so it takes no types from elsewhere.
 */
interface First {
  readonly runStarted: { readonly release?: string };
  readonly runResumed: { readonly release?: string; readonly config?: unknown };
  readonly runFinished: { readonly updates?: Readonly<Record<string, number>> };
  readonly phaseFinished: { readonly figures?: FirstFigures };
  readonly audited: { readonly admitted?: number };
  readonly questionerStep: { readonly health: FirstHealth };
  readonly curriculumStep: { readonly health: FirstHealth };
  readonly reasonerStep: { readonly health: FirstHealth };
}

interface FirstFigures {
  readonly reward: number | null;
  readonly confidence: number | null;
  readonly parsed: number | null;
}

interface FirstHealth {
  readonly answerEntropy: number | null;
  readonly distinctAnswers: number;
  readonly commonestAnswer: number | null;
  readonly parseFailures: number | null;
  readonly abstentions: number | null;
  readonly cutAnswers?: number | null;
  readonly cutQuestions?: number | null;
  readonly malformedQuestions: number | null;
  readonly clusterShare: number | null;
  readonly templateShare: number | null;
}

/** What the second has in its place: the present types, for what the third changed is none of it. */
type Second<T> = Partial<Extract<EventBody, { readonly type: T }>>;

const changes: { readonly [T in keyof First]: (body: First[T]) => Second<T> } = {
  runStarted: ({ release = null }) => ({ release }),
  runResumed: ({ release = null, config = null }) => ({ release, config, images: null }),
  runFinished: ({ updates = null }) => ({ updates }),
  phaseFinished: ({ figures = null }) => ({ figures }),
  audited: ({ admitted = null }) => ({ admitted }),
  questionerStep: ({ health }) => ({ role: "questioner", health: withCuts(health) }),
  curriculumStep: ({ health }) => ({ role: "questioner", health: withCuts(health) }),
  reasonerStep: ({ health }) => ({ role: "reasoner", health: withCuts(health) }),
};

/** A body of the first version as the second would have written it. All runs were self-play. */
export function secondOf(type: string, body: object): object {
  const change = Object.hasOwn(changes, type) ? changes[type as keyof First] : undefined;
  return { stage: "selfPlay", ...body, ...change?.(body as never) };
}

function withCuts(health: FirstHealth): Required<FirstHealth> {
  return { cutAnswers: null, cutQuestions: null, ...health };
}
