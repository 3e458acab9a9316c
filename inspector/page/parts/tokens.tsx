import { type ComponentChildren, Fragment } from "preact";
import { useState } from "preact/hooks";
import type { CompletionRecord } from "../../../replay/events.ts";
import { decimal, visible } from "../../format.ts";
import { Select } from "./filter_bar.tsx";

/** What the tokens of a completion are coloured by. */
const colourings = ["none", "probability", "surprise", "advantage", "mask", "reference gap"] as const;
export type Colouring = (typeof colourings)[number];

const about: Readonly<Record<Colouring, string>> = {
  none: "plain text",
  probability: "log-probability: the fainter, the surer the model was",
  surprise: "surprise: how much less likely than this completion's tokens are on average",
  advantage:
    "advantage: blue is made likelier by the update, orange less likely; a cut-off completion has none",
  "reference gap": "gap to the base: blue has become likelier since the run began, orange less likely",
  mask: "mask: what the update learns from is blue; a completion that was cut off, or a group in which all earned the same, is left out",
};

/** A stretch of a completion's tokens, with what stands before and after it. */
export interface TokenSection {
  readonly text: string;
  /** From `first` up to, but not including, `end`. */
  readonly first: number;
  readonly end: number;
  /** Of its own; null where it has the completion's. */
  readonly advantage: number | null;
  readonly before: ComponentChildren;
  readonly after: ComponentChildren;
}

export interface TokensProps {
  readonly completion: CompletionRecord;
  /** Null where the run's tokenizer is not there. */
  readonly pieces: readonly string[] | null;
  readonly advantage: number | null;
  /** Whether the update learns from it. */
  readonly isLearnt: boolean;
  /** Log-probabilities under the run's base, [T]; null where they were not recorded. */
  readonly reference: readonly number[] | null;
  /** What it is made of, in order; by default it is one piece. */
  readonly sections?: readonly TokenSection[];
}

/** A completion, token by token. */
export function Tokens({ completion, pieces, advantage, isLearnt, reference, sections }: TokensProps) {
  const [colouring, setColouring] = useState<Colouring>("probability");
  const [showsIds, setShowsIds] = useState(false);
  const { tokens, logProbs, text, finishReason } = completion;
  const whole = { text, first: 0, end: tokens.length, advantage: null, before: null, after: null };
  const mean = logProbs.reduce((sum, value) => sum + value, 0) / Math.max(1, logProbs.length);
  const figuresAt = (section: TokenSection, i: number): TokenFigures => {
    const logProb = logProbs[i] ?? 0;
    const gap = reference === null ? null : logProb - (reference[i] ?? logProb);
    const own = section.advantage ?? advantage;
    return { token: tokens[i] ?? 0, logProb, surprise: mean - logProb, advantage: own, isLearnt, gap };
  };
  return (
    <div>
      <div
        style={{
          display: "flex",
          flexWrap: "wrap",
          gap: "6px 12px",
          alignItems: "center",
          marginBottom: "6px",
        }}
      >
        <Select
          name="Colour tokens by"
          value={colouring}
          options={colourings.map((each) => [each, each === "none" ? "no colour" : `by ${each}`])}
          onChange={(value) => setColouring(value as Colouring)}
        />
        <span class="quiet">
          {pieces === null && colouring !== "none"
            ? "the run's tokenizer is not on this machine, so that tokens cannot be told apart"
            : colouring === "reference gap" && reference === null
              ? "no log-probabilities under the base were recorded: no KL was measured, or an earlier release played"
              : about[colouring]}
        </span>
        <button type="button" class="plain" aria-pressed={showsIds} onClick={() => setShowsIds(!showsIds)}>
          token ids
        </button>
      </div>
      {(sections ?? [whole]).map((section, at) => (
        <Fragment key={at}>
          {section.before}
          <div class="tokens">
            {pieces === null
              ? visible(section.text)
              : pieces.slice(section.first, section.end).map((piece, i) => (
                  <span
                    key={i}
                    style={{ background: colourOf(colouring, figuresAt(section, section.first + i)) }}
                    title={titleOf(figuresAt(section, section.first + i))}
                  >
                    {visible(piece)}
                  </span>
                ))}
          </div>
          {section.after}
        </Fragment>
      ))}
      <p class="quiet">
        {tokens.length} tokens · mean log-probability {decimal(mean)}
        {finishReason === "length" && " · cut off at the longest that was allowed"}
      </p>
      {showsIds && <pre class="raw">{tokens.join(" ")}</pre>}
    </div>
  );
}

/** What is known of one token. */
interface TokenFigures {
  readonly token: number;
  readonly logProb: number;
  /** How much less likely it was than the completion's tokens are on average, nats. */
  readonly surprise: number;
  readonly advantage: number | null;
  readonly isLearnt: boolean;
  /** How much likelier than under the run's base, nats; null where that was not recorded. */
  readonly gap: number | null;
}

function titleOf({ token, logProb, surprise, advantage, gap }: TokenFigures): string {
  return [
    `token ${token}`,
    `log-probability ${decimal(logProb, 3)} (${(100 * Math.exp(logProb)).toFixed(1)}%)`,
    `surprise ${decimal(surprise, 3)}`,
    ...(advantage === null ? [] : [`advantage ${decimal(advantage, 3)}`]),
    ...(gap === null ? [] : [`gap to the base ${decimal(gap, 3)}`]),
  ].join("\n");
}

/** Nats, and advantage, at which a colour is full. */
const FULL = 3;
const FULL_ADVANTAGE = 2;

function colourOf(
  colouring: Colouring,
  { logProb, surprise, advantage, isLearnt, gap }: TokenFigures,
): string {
  switch (colouring) {
    case "probability":
      return shade("disagree", -logProb / FULL);
    case "surprise":
      return shade("disagree", surprise / FULL);
    case "advantage":
      return twoSided(advantage, FULL_ADVANTAGE);
    case "reference gap":
      return twoSided(gap, FULL);
    case "mask":
      return shade("agree", isLearnt ? 0.6 : 0);
    default:
      return "transparent";
  }
}

/** Blue above 0, orange below. */
function twoSided(value: number | null, full: number): string {
  return value === null ? "transparent" : shade(value > 0 ? "agree" : "disagree", Math.abs(value) / full);
}

/** Percent of a colour that is full: text on it has a contrast of 4.5 at least, in both themes. */
const STRONGEST = 55;

/** A colour of style.css, the fainter the smaller the share. */
function shade(colour: string, share: number): string {
  const strength = Math.round(STRONGEST * Math.min(1, Math.max(0, share)));
  return `color-mix(in srgb, var(--${colour}) ${strength}%, transparent)`;
}
