import { withoutTags } from "./words.ts";

/** What was said in one turn. */
export interface VistaTurn {
  readonly text: string;
  /** The call of a tool that it was, by the tool's name, "" for what could not be read as one; null for any other. */
  readonly call: { readonly tool: string } | null;
  /** Whether it was cut off. */
  readonly truncated: boolean;
}

/**
 * Parts of the reward that VISTA-R1 was trained by (arXiv 2511.19773), whose sum it is: `repetition` from -3 to 0, `format`
 * 1 or -1, and `correctness` 0 or 1. What counts as a repetition, and as the wanted form, is left open there.
 */
export interface VistaParts {
  readonly repetition: number;
  readonly format: number;
  readonly correctness: number;
}

/** Of a trajectory's turns, in order. */
export function vistaParts(turns: readonly VistaTurn[], success: boolean): VistaParts {
  return {
    repetition: 0 - Math.min(mostRepetitions, repetitions(turns.map(({ text }) => text))),
    format: isInForm(turns) ? 1 : -1,
    correctness: success ? 1 : 0,
  };
}

const mostRepetitions = 3;

/** Words in a row that are a repetition where they were said before. */
const runLength = 6;

/**
 * How often something is said again, in the same turn or a later one: a call word for word, or six words in a row outside of
 * calls. Words that repeat a run are part of no other.
 */
export function repetitions(texts: readonly string[]): number {
  const said = texts.map(splitCalls);
  const calls = said.flatMap((each) => each.calls.map((call) => call.replace(/\s+/g, "")));
  const words = said.flatMap(({ prose }) => wordsIn(prose));
  return calls.length - new Set(calls).size + repeatedRuns(words);
}

/** What stands between the tags of calls, and what stands outside of them. */
function splitCalls(text: string): { readonly calls: string[]; readonly prose: string } {
  const [before = "", ...begun] = text.split("<tool_call>");
  const closed = begun.map((each) => each.split("</tool_call>"));
  const calls = closed.flatMap(([call = "", ...rest]) => (rest.length > 0 ? [call] : []));
  const outside = closed.flatMap(([call = "", ...rest]) => (rest.length > 0 ? rest : [call]));
  return { calls, prose: [before, ...outside].join(" ") };
}

function wordsIn(text: string): string[] {
  return (
    withoutTags(text)
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}

function repeatedRuns(words: readonly string[]): number {
  const begun = new Map<string, number>();
  let count = 0;
  for (let at = 0; at + runLength <= words.length; ) {
    const run = words.slice(at, at + runLength).join(" ");
    const first = begun.get(run) ?? at;
    begun.set(run, first);
    if (first + runLength <= at) {
      count++;
      at += runLength;
    } else at++;
  }
  return count;
}

/** Thinking, and then one call that can be read or one answer; nothing around them. */
const turnForm =
  /^\s*<think>(?<thought>(?:(?!<\/?(?:think|tool_call|answer)>)[\s\S])+)<\/think>\s*<(?<kind>tool_call|answer)>(?<said>(?:(?!<\/?(?:think|tool_call|answer)>)[\s\S])+)<\/\k<kind>>\s*$/;

/** Whether every turn has the wanted form: thinking and a call, and in the last one thinking and an answer. */
function isInForm(turns: readonly VistaTurn[]): boolean {
  return turns.every(({ text, call, truncated }, place) => {
    const { thought = "", kind, said = "" } = turnForm.exec(text)?.groups ?? {};
    if (truncated || thought.trim() === "" || said.trim() === "") return false;
    return place === turns.length - 1 ? kind === "answer" : kind === "tool_call" && call?.tool !== "";
  });
}
