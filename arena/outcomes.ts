import type { EvaluationReport } from "../replay/events.ts";

/** Digits of counts. */
const BASE = 36;

/** How one question was answered: scores from 0 to 1, those of samples as means. */
interface Answered {
  readonly greedy: number;
  readonly warm: number;
  readonly cool: number;
  readonly majority: number;
}

/** How each question was answered, as records keep it; null where answers are right by degrees. */
export function outcomesOf(marks: readonly Answered[], samples: number): EvaluationReport["outcomes"] {
  const counts = (of: number, scoreOf: (mark: Answered) => number) =>
    marks.map((mark) => {
      const count = Math.round(of * scoreOf(mark));
      return Math.abs(of * scoreOf(mark) - count) < 1e-9 ? count.toString(BASE) : "";
    });
  const digits = {
    greedy: counts(1, ({ greedy }) => greedy),
    mean8: counts(samples, ({ warm }) => warm),
    mean8_t06: counts(samples, ({ cool }) => cool),
    maj8: counts(1, ({ majority }) => majority),
  };
  if (samples >= BASE || Object.values(digits).flat().includes("")) return null;
  const { greedy, mean8, mean8_t06, maj8 } = digits;
  return {
    greedy: greedy.join(""),
    mean8: mean8.join(""),
    mean8_t06: mean8_t06.join(""),
    maj8: maj8.join(""),
  };
}
