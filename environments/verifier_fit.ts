import { canVerify, type Given, type Judging, type Labelled } from "./verify.ts";

/** How well a verifier fits the first answers that it judges. */
interface VerifierFit {
  readonly answers: number;
  /** Answers none of whose true ones it could read. */
  readonly unread: number;
  /** Answers that were at least partly right. */
  readonly right: number;
  /** A true answer that it could not read, and an answer that was wrong, with a true one. */
  readonly examples: {
    readonly unread: string | null;
    readonly wrong: { readonly answer: string; readonly truth: string } | null;
  };
}

/** An answer that was judged. */
export interface Judged extends Labelled {
  readonly given: Given;
  readonly correctness: number;
}

/** Answers after which something is said. */
const enough = 100;
/** The most that may go unread, as a share. */
const most = 0.2;

const noAnswers: VerifierFit = { answers: 0, unread: 0, right: 0, examples: { unread: null, wrong: null } };

/** Takes answers as they are judged, and says once where the verifier does not fit the first hundred. */
export function watchFit(judging: Judging, say: (text: string) => void): (judged: readonly Judged[]) => void {
  let fit = noAnswers;
  return (judged) => {
    if (fit.answers === enough) return;
    fit = countFit(fit, judging, judged);
    const message = misfit(fit, judging);
    if (message !== null) say(message);
  };
}

/** Counts answers, up to the first hundred. */
function countFit(fit: VerifierFit, { verifier }: Judging, judged: readonly Judged[]): VerifierFit {
  return judged.slice(0, enough - fit.answers).reduce((count, { question, truths, given, correctness }) => {
    const [truth = ""] = truths;
    const isRead = truths.some((each) => canVerify(verifier, each, question));
    const answer = given.written ?? given.text;
    const { unread, wrong } = count.examples;
    return {
      answers: count.answers + 1,
      unread: count.unread + Number(!isRead),
      right: count.right + Number(correctness > 0),
      examples: {
        unread: unread ?? (isRead ? null : truth),
        wrong: wrong ?? (answer === null || correctness > 0 ? null : { answer, truth }),
      },
    };
  }, fit);
}

/** What to tell of a verifier that does not fit the first hundred answers; null before, and where it does. */
function misfit({ answers, unread, right, examples }: VerifierFit, { verifier }: Judging): string | null {
  if (answers < enough) return null;
  if (unread > most * enough)
    return `verifier ${verifier} cannot read the true answers of ${unread} of the first ${enough}, such as ${shown(examples.unread)}, to which no answer is right; choose another verifier`;
  if (right > 0) return null;
  const { wrong } = examples;
  const example = wrong ? `, such as ${shown(wrong.answer)} for ${shown(wrong.truth)}` : "";
  return `verifier ${verifier} finds none of the first ${enough} answers right${example}; if some are, choose another verifier`;
}

function shown(text: string | null): string {
  const whole = JSON.stringify(text);
  return whole.length > 80 ? `${whole.slice(0, 79)}…` : whole;
}
