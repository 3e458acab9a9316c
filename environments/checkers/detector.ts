import { claimReader } from "../../reasoner/claims.ts";
import type { Tool } from "../tools/tool.ts";
import type { ClaimChecker } from "./claim_checker.ts";
import { toolAnswers } from "./tool_answers.ts";

export interface DetectorOptions {
  /** The names of all that it can find. */
  readonly labels: readonly string[];
  /** How sure it has to be, 0 to 1. */
  readonly threshold: number;
}

/**
 * Checks claims by the tool `detect`: the share of the things that a claim names, of those that the detector knows, that it
 * finds. It cannot tell of a claim that names none, and what is denied is not looked for.
 */
export function detectorChecker(detect: Tool, { labels, threshold }: DetectorOptions): ClaimChecker {
  const read = claimReader({ things: labels });
  return {
    name: "detector",
    async check(claims, signal) {
      const named = claims.map(({ claim }) => new Set(read(claim).map(({ thing }) => thing)));
      const open = claims.filter((_, i) => named[i]?.size);
      const answers = await toolAnswers(detect, { threshold }, open, signal);
      const found = new Map(open.map((claim, i) => [claim, answers[i]]));
      return claims.map((claim, i) => {
        const answer = found.get(claim) as { readonly objects: readonly { readonly label: string }[] } | null;
        if (!answer) return null;
        const seen = new Set(answer.objects.map(({ label }) => label));
        const things = [...(named[i] as Set<string>)];
        return things.filter((thing) => seen.has(thing)).length / things.length;
      });
    },
    [Symbol.asyncDispose]: async () => detect[Symbol.asyncDispose]?.(),
  };
}
