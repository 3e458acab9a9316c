import type { Loss } from "./options.ts";

/**
 * What the losses are a mean over. `rollouts`: over rollouts of the token mean. `constant` (2503.20783): over rollouts of the
 * tokens' sum over `maxTokens`. `tokens` (2503.14476): over all active tokens. `bnpo` elsewhere divides by the tokens of
 * one micro-batch; here an update is one batch, however it is cut, and `bnpo` is `dapo` by another name.
 */
const means: Readonly<Record<Loss, "rollouts" | "constant" | "tokens">> = {
  grpo: "rollouts",
  bnpo: "tokens",
  dr_grpo: "constant",
  dapo: "tokens",
  cispo: "tokens",
  gspo: "rollouts",
};

/** What one token of each rollout counts; `lengths` are the rollouts' active tokens. */
export function tokenWeights(loss: Loss, lengths: readonly number[], maxTokens: number): number[] {
  const rows = lengths.length;
  const tokens = sum(lengths);
  switch (means[loss]) {
    case "rollouts":
      return lengths.map((n) => 1 / (rows * Math.max(1, n)));
    case "constant":
      return lengths.map(() => 1 / (rows * maxTokens));
    case "tokens":
      return lengths.map(() => 1 / Math.max(1, tokens));
  }
}

/** How much of a whole's mean a share of its rollouts makes: its tokens, or its rollouts. */
export function shareWeight(loss: Loss, lengths: readonly number[]): number {
  return means[loss] === "tokens" ? sum(lengths) : lengths.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
