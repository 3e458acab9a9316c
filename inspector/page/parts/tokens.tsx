import { useState } from "preact/hooks";
import type { CompletionRecord } from "../../../replay/events.ts";
import { decimal, visible } from "../format.ts";
import { Select } from "./filter_bar.tsx";

/** What the tokens of a completion are coloured by. */
const colourings = ["none", "probability", "surprise", "advantage", "mask"] as const;
export type Colouring = (typeof colourings)[number];

const about: Readonly<Record<Colouring, string>> = {
  none: "plain text",
  probability: "log-probability: the fainter, the surer the model was",
  surprise: "surprise: how much less likely than this completion's tokens are on average",
  advantage:
    "advantage: blue is made likelier by the update, orange less likely; a cut-off completion has none",
  mask: "mask: what the update learns from is blue; a completion that was cut off, or a group in which all earned the same, is left out",
};

interface TokensProps {
  readonly completion: CompletionRecord;
  /** Null where the run's tokenizer is not there. */
  readonly pieces: readonly string[] | null;
  readonly advantage: number | null;
  /** Whether the update learns from it. */
  readonly isLearnt: boolean;
}

/** A completion, token by token. */
export function Tokens({ completion, pieces, advantage, isLearnt }: TokensProps) {
  const [colouring, setColouring] = useState<Colouring>("probability");
  const [showsIds, setShowsIds] = useState(false);
  const { tokens, logProbs, text, finishReason } = completion;
  const mean = logProbs.reduce((sum, value) => sum + value, 0) / Math.max(1, logProbs.length);
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
            : about[colouring]}
        </span>
        <button type="button" class="plain" aria-pressed={showsIds} onClick={() => setShowsIds(!showsIds)}>
          token ids
        </button>
      </div>
      {pieces === null ? (
        <div class="tokens">{visible(text)}</div>
      ) : (
        <div class="tokens">
          {pieces.map((piece, i) => (
            <span
              key={i}
              style={{ background: colourOf(colouring, logProbs[i] ?? 0, mean, advantage, isLearnt) }}
              title={titleOf(tokens[i] ?? 0, logProbs[i] ?? 0, mean, advantage)}
            >
              {visible(piece)}
            </span>
          ))}
        </div>
      )}
      <p class="quiet">
        {tokens.length} tokens · mean log-probability {decimal(mean)}
        {finishReason === "length" && " · cut off at the longest that was allowed"}
      </p>
      {showsIds && <pre class="raw">{tokens.join(" ")}</pre>}
    </div>
  );
}

function titleOf(token: number, logProb: number, mean: number, advantage: number | null): string {
  const parts = [
    `token ${token}`,
    `log-probability ${decimal(logProb, 3)} (${(100 * Math.exp(logProb)).toFixed(1)}%)`,
    `surprise ${decimal(mean - logProb, 3)}`,
  ];
  return [...parts, ...(advantage === null ? [] : [`advantage ${decimal(advantage, 3)}`])].join("\n");
}

/** Nats at which a colour is full. */
const FULL = 3;

function colourOf(
  colouring: Colouring,
  logProb: number,
  mean: number,
  advantage: number | null,
  isLearnt: boolean,
): string {
  const mixed = (colour: string, share: number) =>
    `color-mix(in srgb, var(--${colour}) ${Math.round(65 * Math.min(1, share))}%, transparent)`;
  switch (colouring) {
    case "probability":
      return mixed("disagree", -logProb / FULL);
    case "surprise":
      return mixed("disagree", Math.max(0, mean - logProb) / FULL);
    case "advantage":
      if (advantage === null || advantage === 0) return "transparent";
      return mixed(advantage > 0 ? "agree" : "disagree", Math.abs(advantage) / 2);
    case "mask":
      return mixed("agree", isLearnt ? 0.6 : 0);
    default:
      return "transparent";
  }
}
