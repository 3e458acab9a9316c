import type { RunConfig } from "../arena/config/config.ts";
import type { AnswerFormat } from "../common/answer_format.ts";
import type { Trainer } from "./phase.ts";

/** Where an answer stands in a completion, and what a whole one is, as regular expressions of Python's with their flags. */
const forms: Readonly<Record<AnswerFormat, { readonly answer: string; readonly whole: string }>> = {
  tags: {
    answer: "(?s)<answer>(.*?)</answer>",
    whole: String.raw`(?s)\s*(?:<think>.*?</think>\s*)?<answer>.*?</answer>\s*`,
  },
  boxed: {
    answer: String.raw`\\boxed\{([^{}]*)\}`,
    whole: String.raw`(?s).*\\boxed\{[^{}]*\}[\s.$]*`,
  },
  line: { answer: String.raw`(?m)^Answer:[ \t]*(.+)$`, whole: String.raw`(?sm).*^Answer:[^\n]+\s*` },
  plain: { answer: String.raw`(?s)\A\s*(.+?)\s*\Z`, whole: String.raw`[^\n]+\s*` },
};

/** How each trainer calls it. */
const calls: Readonly<Record<Trainer, string>> = {
  easyr1: `REWARD_NAME = "visplay"
REWARD_TYPE = "sequential"


def compute_score(reward_input):
    """How EasyR1 asks for one completion's reward."""
    return scores(reward_input["response"], reward_input["ground_truth"])
`,
  verl: `def compute_score(data_source, solution_str, ground_truth, extra_info=None, **_):
    """How verl asks for one completion's reward."""
    found = scores(solution_str, ground_truth)
    return {"score": found.pop("overall"), **found}
`,
};

/** A Python file that rewards agreement with the silver answer and the form, weighted as here. */
export function rewardFunction(trainer: Trainer, { format, reasoner: { reward } }: RunConfig): string {
  const { answer, whole } = forms[format];
  return `"""Rewards of a Reasoner phase of visplay: agreement with the silver answer, and form."""
import re
from fractions import Fraction

AGREEMENT, FORMAT = ${reward.agreement}, ${reward.format}
ANSWER = re.compile(r"${answer}")
WHOLE = re.compile(r"${whole}")
NUMBER = re.compile(r"[-+]?(?:\\d{1,3}(?:,\\d{3})+|\\d{1,30})(?:\\.\\d{1,30}|/\\d{1,30})?")


def plain(answer):
    """The form in which answers are compared: without case, outer punctuation and articles; numbers by their value."""
    text = re.sub(r"^(?:the|an?) (?=[^\\d])", "", " ".join(answer.lower().split()).strip(" .,;:!?\\"'*\`$"))
    number = NUMBER.fullmatch(text) and not re.search(r"/0+$", text)
    return Fraction(text.replace(",", "")) if number else text


def scores(completion, silver):
    """Parts of a completion's reward, each 0 or 1, and their weighted sum."""
    answers = ANSWER.findall(completion)
    agreement = float(bool(answers) and plain(answers[-1]) == plain(silver))
    form = float(WHOLE.fullmatch(completion) is not None)
    return {"overall": AGREEMENT * agreement + FORMAT * form, "format": form, "accuracy": agreement}


${calls[trainer]}`;
}
