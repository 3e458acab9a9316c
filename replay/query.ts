import * as z from "zod";
import { VisplayError } from "../common/errors.ts";
import type { EpisodeEvent, FinishReason, ImageRef, PolicyVersions } from "./events.ts";
import { figureKinds, type NamedFigure } from "./figures.ts";
import { figureColumns } from "./schema.ts";

/**
 * A figure of every episode, by the name of its column, or of one reward part, gate check, policy that is neither
 * Questioner nor Reasoner, or of trajectories: "trajectory:turns", "success", "unfinished" and "faults", "fault:late", "failure:call", and "cause:grounding".
 */
export type Figure = keyof typeof figureColumns | `${NamedFigure["kind"]}:${string}`;

/**
 * Which episodes, in which order, and from where on. What is left out does not restrict. Episodes that lack the
 * figure that is sorted by, or that a range is about, are left out.
 */
export interface EpisodeQuery {
  /** Names as the run recorded them; one that it did not matches nothing. */
  readonly stages?: readonly string[] | undefined;
  readonly phases?: readonly string[] | undefined;
  /** The policy that was recorded: the Questioner asks in two phases, the Reasoner learns in one. */
  readonly role?: string | undefined;
  /** What was played again after a resume: left out by default. */
  readonly superseded?: "exclude" | "include" | "only" | undefined;
  /** Bounds are included; for one value, both are the same. */
  readonly ranges?: Readonly<Record<string, Range>> | undefined;
  /** Episodes in which some completion ended so. */
  readonly finishReason?: FinishReason | undefined;
  /** Content hash of an image. */
  readonly image?: string | undefined;
  /** Words that all occur in question or answers; "quoted" as a phrase, with a * at the end as a beginning. */
  readonly text?: string | undefined;
  /** By time, newest first, unless said otherwise. */
  readonly sort?: { readonly by: Figure | "time"; readonly order: "ascending" | "descending" } | undefined;
  /** The `next` of the page before. */
  readonly cursor?: string | undefined;
  /** Episodes on a page, 50 by default. */
  readonly limit?: number | undefined;
}

export interface Range {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** What a list shows of an episode. */
export interface EpisodeHead {
  readonly id: number;
  readonly attempt: number;
  readonly superseded: boolean;
  readonly atMs: number;
  readonly stage: string;
  readonly phase: string;
  /** The policy that was recorded. */
  readonly role: string;
  /** Of the event; it tells the episode's shape. */
  readonly type: EpisodeEvent["type"];
  readonly round: number;
  readonly step: number;
  readonly image: ImageRef & { readonly id: string };
  readonly versions: PolicyVersions;
  /** The question, or the first one that parsed. */
  readonly question: string | null;
  readonly label: string | null;
  readonly rollouts: number;
  /** Completions cut off at the limit. */
  readonly truncated: number;
  /** Longest completion, tokens. */
  readonly length: number;
  /** Mean over the rollouts. */
  readonly reward: number | null;
  /** Greatest absolute value. */
  readonly advantage: number | null;
  /** Mean over the verdicts. */
  readonly confidence: number | null;
  /** Means of the reward's parts, and shares of rollouts that passed each check: "part:…", "check:…". */
  readonly measures: Readonly<Record<string, number>>;
}

export interface EpisodePage {
  readonly episodes: readonly EpisodeHead[];
  /** Numbers of those on this page that cannot be read. */
  readonly damaged: readonly number[];
  /** The cursor of the next page; null at the end. */
  readonly next: string | null;
}

/** Where the next page begins: after the episode with this key and id. */
export interface Cursor {
  readonly key: number;
  readonly id: number;
}

/** A query with every default filled in. */
export interface CheckedQuery extends Omit<EpisodeQuery, "cursor"> {
  readonly superseded: NonNullable<EpisodeQuery["superseded"]>;
  readonly ranges: Readonly<Record<string, Range>>;
  readonly sort: NonNullable<EpisodeQuery["sort"]>;
  readonly cursor?: Cursor | undefined;
  readonly limit: number;
}

const figureNames = `${Object.keys(figureColumns).join(", ")}, part:NAME, check:NAME, version:ROLE, trajectory:NAME, fault:KIND, failure:KIND or cause:NAME`;
const isNamed = (name: string) =>
  figureKinds.some((kind) => name.startsWith(`${kind}:`) && name > `${kind}:`);
const isFigure = (name: unknown) =>
  typeof name === "string" && (Object.hasOwn(figureColumns, name) || isNamed(name));
const sort: z.ZodType<CheckedQuery["sort"]> = z.strictObject({
  by: z.custom<Figure>((name) => name === "time" || isFigure(name), `expected time, ${figureNames}`),
  order: z.enum(["ascending", "descending"]),
});
const range = z.strictObject({ min: z.number().optional(), max: z.number().optional() });
const cursor = z.string().transform((text, context): Cursor => {
  const [key, id] = text.split(":").map(Number);
  if (Number.isFinite(key) && Number.isInteger(id)) return { key: key as number, id: id as number };
  context.addIssue(`found ${JSON.stringify(text)}, expected what a page gave as next`);
  return z.NEVER;
});

const schema: z.ZodType<CheckedQuery> = z.strictObject({
  stages: z.array(z.string()).optional(),
  phases: z.array(z.string()).optional(),
  role: z.string().optional(),
  superseded: z.enum(["exclude", "include", "only"]).default("exclude"),
  ranges: z
    .record(z.string(), range)
    .refine((ranges) => Object.keys(ranges).every(isFigure), `expected ${figureNames}`)
    .default({}),
  finishReason: z.enum(["stop", "length"]).optional(),
  image: z.string().optional(),
  text: z.string().optional(),
  sort: sort.default({ by: "time", order: "descending" }),
  cursor: cursor.optional(),
  limit: z.int().min(1).max(1000).default(50),
});

/** Throws "usage" for a name that no figure can have. */
export function checkedFigure(name: string): Figure {
  if (isFigure(name)) return name as Figure;
  throw new VisplayError("usage", `figure: found ${JSON.stringify(name)}, expected ${figureNames}`);
}

/** Throws "usage" for a query that says what cannot be. */
export function checkedQuery(query: EpisodeQuery): CheckedQuery {
  const { success, data, error } = schema.safeParse(query);
  if (success) return data;
  const issues = error.issues.map(({ path, message }) => `${path.join(".") || "query"}: ${message}`);
  throw new VisplayError("usage", issues.join("; "), { cause: error });
}

/**
 * What a user typed as a query of FTS5, in which nothing but * at a word's end means more than itself. Null where
 * it holds no letter and no digit, which restricts nothing.
 */
export function ftsQuery(text: string): string | null {
  const terms = [...text.matchAll(/"([^"]*)"?|(\S+)/g)].flatMap(([, phrase, word]) => {
    const isPrefix = word !== undefined && /.\*$/.test(word);
    const plain = phrase ?? (isPrefix ? word.slice(0, -1) : word) ?? "";
    if (!/[\p{L}\p{N}]/u.test(plain)) return [];
    return `"${plain.replaceAll('"', " ").replaceAll("\0", " ")}"${isPrefix ? "*" : ""}`;
  });
  return terms.length > 0 ? terms.join(" AND ") : null;
}
