import type { Tool } from "../tools/tool.ts";
import type { ClaimChecker } from "./claim_checker.ts";
import { toolAnswers } from "./tool_answers.ts";

/**
 * Checks claims by the tool `ocr`: the share of the words that a claim quotes that are read in the picture. It cannot tell of a
 * claim that quotes nothing.
 */
export function textChecker(ocr: Tool): ClaimChecker {
  return {
    name: "ocr",
    async check(claims, signal) {
      const quoted = claims.map(({ claim }) => quotedWords(claim));
      const open = claims.filter((_, i) => quoted[i]?.length);
      const answers = await toolAnswers(ocr, {}, open, signal);
      const found = new Map(open.map((claim, i) => [claim, answers[i]]));
      return claims.map((claim, i) => {
        const answer = found.get(claim) as { readonly lines: readonly { readonly text: string }[] } | null;
        if (!answer) return null;
        const read = new Set(answer.lines.flatMap(({ text }) => wordsOf(text)));
        const words = quoted[i] as string[];
        return words.filter((word) => read.has(word)).length / words.length;
      });
    },
    [Symbol.asyncDispose]: async () => ocr[Symbol.asyncDispose]?.(),
  };
}

/** A single mark opens a quotation only behind a space, for it is an apostrophe, too. */
const quotations = /"([^"]+)"|“([^”]+)”|«([^»]+)»|„([^“]+)“|(?<![\p{L}\p{N}])['‘]([^'‘’]+)['’](?!\p{L})/gu;

function quotedWords(claim: string): string[] {
  return [...claim.matchAll(quotations)].flatMap((found) => wordsOf(found.slice(1).join(" ")));
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}
