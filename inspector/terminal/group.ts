import type {
  AnswerRecord,
  CheckRecord,
  CurriculumEpisode,
  DescribedVotesRecord,
  EpisodeEvent,
  QuestionerEpisode,
  QuestionerRollout,
  ReasonerEpisode,
} from "../../replay/events.ts";
import type { EpisodeHead } from "../../replay/query.ts";
import { questionerForm, questionerSum, reasonerSum, type Sum } from "../arithmetic.ts";
import { brief, decimal, figureName, moment, plural, signed, whole } from "../format.ts";
import { mean } from "../lists.ts";
import { rewardedFor } from "../stage_settings.ts";
import { learntFrom, masksTruncated, taughtBy } from "../teaching.ts";
import { toolsText, turnTitle } from "../trajectories.ts";
import { clustersOf, countText, type Fate, fateNamesOf, fateOf, verifiedText } from "../votes.ts";
import { attributionLines } from "./attribution.ts";
import { aligned, beside, indented, saidLines, wrapped } from "./layout.ts";
import { readLines, trajectoryLines } from "./trajectory.ts";

export interface GroupOptions {
  /** Cells in a line. */
  readonly width: number;
  /** The run's, which says how parts make a reward; null where it cannot be read. */
  readonly config: unknown;
  /** Whether what was said for each vote is shown. */
  readonly says: boolean;
}

/** Where an episode stands, what it is about and whose policies played it. */
export function placeText(head: EpisodeHead, width: number): string {
  const { id, phase, round, step, atMs, attempt, superseded, versions, image } = head;
  const place = [`episode ${whole(id)}`, phase, `round ${whole(round)}`, `step ${whole(step)}`];
  const time = [moment(atMs), `attempt ${whole(attempt)}`, ...(superseded ? ["superseded by a resume"] : [])];
  const policies = Object.entries(versions).map(
    ([role, version]) => `version ${whole(version)} of the ${role}`,
  );
  const lines = [place, time, policies, [`picture ${image.name}`]].filter((parts) => parts.length > 0);
  return lines.flatMap((parts) => wrapped(parts.join(" · "), width)).join("\n");
}

/** A group: what was asked about one picture, what came of it, and what was learnt from it. */
export function groupText(event: EpisodeEvent, { config, ...options }: GroupOptions): string {
  const { width } = options;
  const learnt = learntFrom(taughtBy(event), masksTruncated(config, event));
  const rewards = "rollouts" in event ? event.rollouts.flatMap(({ reward }) => reward ?? []) : [];
  const lines = [
    "prompt",
    ...indented(promptLines(event, width - 2)),
    "",
    ...(event.type === "reasonerEpisode"
      ? askedLines(event, config, width)
      : [`${plural(questionsOf(event).length, "question")} about one picture`]),
    ...(rewards.length > 0 ? wrapped(spreadLine(rewards), width) : []),
    ...(learnt.length > 0 && !learnt.includes(true)
      ? wrapped(
          "this group taught nothing: none of it has an advantage, and it is left out of the update",
          width,
        )
      : []),
    ...(event.type === "reasonerEpisode"
      ? [
          "",
          ...clusterLines(event.rollouts, event.label, { ...options, says: false }),
          ...answerLines(event, config, width),
        ]
      : questionsOf(event).flatMap((_, i) => ["", ...questionLines(event, i, { config, ...options })])),
  ];
  return lines.join("\n");
}

/** A prompt as its text, or as turns where it is more than a picture and a text. */
function promptLines(event: EpisodeEvent, width: number): string[] {
  const { turns, tools } = event.type === "reasonerEpisode" ? event : { turns: null, tools: null };
  const read = turns ? readLines(turns, width) : wrapped(event.prompt, width);
  return tools ? [...read, ...wrapped(toolsText(tools), width)] : read;
}

function questionsOf(event: EpisodeEvent & (QuestionerEpisode | CurriculumEpisode)) {
  return event.type === "questionerEpisode" ? event.rollouts : event.questions;
}

function askedLines(event: Extract<EpisodeEvent, ReasonerEpisode>, config: unknown, width: number): string[] {
  const { before, label, after } = rewardedFor(config, event);
  const shown = event.view > 0 ? `, about view ${event.view} of the picture` : "";
  return [...wrapped(event.question, width), ...wrapped(`${before}${label ?? ""}${after}${shown}`, width)];
}

function spreadLine(rewards: readonly number[]): string {
  const average = mean(rewards) ?? 0;
  const squares = rewards.reduce((sum, reward) => sum + (reward - average) ** 2, 0);
  const deviation = Math.sqrt(squares / Math.max(1, rewards.length - 1));
  return `reward ${decimal(average)} on average, deviation ${decimal(deviation)}`;
}

/** Each answer of a Reasoner's group. */
function answerLines(
  { stage, rollouts, label }: Extract<EpisodeEvent, ReasonerEpisode>,
  config: unknown,
  width: number,
): string[] {
  const names = fateNamesOf(rollouts);
  return rollouts.flatMap((rollout, i) => {
    const { vote, failure, outcome, reward, advantage, parts, text, finishReason, trajectory } = rollout;
    const title = `${vote ?? failure ?? outcome} · ${names[fateOf(rollout, label)]} · ${figuresLine(reward, advantage)}`;
    const sum = sumLines(reasonerSum(config, stage, parts, reward, trajectory?.penalty), reward, width - 4);
    const said = trajectory
      ? [...trajectoryLines(rollout, trajectory, width - 4), ...sum]
      : [...sum, ...saidLines(text, finishReason, width - 4)];
    const looked = attributionLines(rollout.attribution, width - 4);
    return ["", ...numbered(i, title, width), ...indented([...said, ...looked], 4)];
  });
}

/** One question of a Questioner's group, or of a curriculum's: its reward, its gate, its votes. */
function questionLines(
  event: EpisodeEvent & (QuestionerEpisode | CurriculumEpisode),
  place: number,
  { config, ...options }: GroupOptions,
): string[] {
  const width = options.width - 4;
  const question = questionsOf(event)[place] as ReturnType<typeof questionsOf>[number];
  const { verdict, ownAnswer, completion, failure } = question;
  const silver = verdict?.silver ?? null;
  const lines = [
    ...(event.type === "questionerEpisode"
      ? rewardLines(event.rollouts[place] as QuestionerRollout, config, width)
      : admissionLines(event.questions[place] as CurriculumEpisode["questions"][number], width)),
    ...(verdict
      ? votesLines({
          sighted: [
            ...wrapped(
              `answers: silver ${silver ?? "none"}, confidence ${decimal(verdict.confidence)}${verifiedText(verdict)}`,
              halfOf(width),
            ),
          ],
          answers: question.answers,
          blind: question.blindAnswers,
          silver,
          options: { ...options, width },
        })
      : ["nobody was asked"]),
    ...("described" in question ? describedLines(question.described, width) : []),
    ...(ownAnswer === null ? [] : wrapped(`the asker's own answer: ${ownAnswer}`, width)),
    ...saidLines(completion.text, completion.finishReason, width),
  ];
  return [
    ...numbered(place, question.question ?? `no question: ${failure ?? "nothing was read"}`, options.width),
    ...indented(lines, 4),
  ];
}

function rewardLines(
  { reward, advantage, parts, checks, question }: QuestionerRollout,
  config: unknown,
  width: number,
): string[] {
  return [
    ...wrapped(figuresLine(reward, advantage), width),
    ...sumLines(questionerSum(questionerForm(config), question !== null, parts, reward), reward, width),
    ...checkLines(checks).flatMap((line) => wrapped(line, width)),
  ];
}

function admissionLines(
  { rejection, label }: CurriculumEpisode["questions"][number],
  width: number,
): string[] {
  return wrapped(
    rejection === null ? `entered the curriculum, labelled ${label}` : `rejected: ${rejection}`,
    width,
  );
}

/** The second way to a label: what was said to be seen, and what was answered from that without the picture. */
function describedLines(described: DescribedVotesRecord | null, width: number): string[] {
  if (!described) return [];
  const { description, solution, verdict } = described;
  return [
    ...wrapped(`from a description alone: ${verdict.silver ?? "no answer"}`, width),
    ...[description, solution].flatMap((text) => (text ? indented(saidLines(text, "stop", width - 2)) : [])),
  ];
}

interface Votes {
  readonly sighted: readonly string[];
  readonly answers: readonly AnswerRecord[];
  readonly blind: readonly AnswerRecord[];
  readonly silver: string | null;
  readonly options: Omit<GroupOptions, "config">;
}

/** Votes on the picture, and beside them those of answers that did not see it. */
function votesLines({ sighted, answers, blind, silver, options }: Votes): string[] {
  const half = halfOf(options.width);
  const narrow = { ...options, width: half };
  const seen = [...sighted, ...clusterLines(answers, silver, narrow)];
  if (blind.length === 0) return seen;
  const unseen = [...wrapped("blind: without the picture", half), ...clusterLines(blind, silver, narrow)];
  return half < options.width ? beside(seen, unseen, half + 2) : [...seen, ...unseen];
}

/** Below this, two blocks stand below each other. */
const SIDE_BY_SIDE = 72;

function halfOf(width: number): number {
  return width >= SIDE_BY_SIDE ? Math.floor((width - 2) / 2) : width;
}

const fills: Readonly<Record<Fate, string>> = { agree: "█", disagree: "▒", abstain: "░", unread: "·" };

/** Each different vote with how often it was cast, beside a bar. */
function clusterLines(
  answers: readonly AnswerRecord[],
  label: string | null,
  { width, says }: Omit<GroupOptions, "config">,
): string[] {
  const clusters = clustersOf(answers, label);
  const names = fateNamesOf(answers);
  const figures = aligned(
    clusters.map(({ fate, answers: own }) => [
      names[fate],
      countText(own, answers.length),
      fills[fate].repeat(Math.min(MOST_BAR, own.length)),
    ]),
    ["left", "right", "left"],
  );
  return clusters.flatMap(({ vote, answers: own }, i) => [
    ...wrapped(`${figures[i]} ${vote}`, width),
    ...(says ? own.flatMap((answer) => indented(givenLines(answer, width - 2))) : []),
  ]);
}

/** What was said for a vote; of a trajectory turn by turn. */
function givenLines({ text, finishReason, trajectory }: AnswerRecord, width: number): string[] {
  if (!trajectory) return saidLines(text, finishReason, width);
  const last = trajectory.turns.length - 1;
  return trajectory.turns.flatMap((turn, i) => [
    ...wrapped(turnTitle(i, turn), width),
    ...saidLines(turn.text, i === last ? finishReason : "stop", width),
  ]);
}

/** Cells of the longest bar. */
const MOST_BAR = 16;

/** The gate's checks with what they were decided on. */
function checkLines(checks: Readonly<Record<string, CheckRecord>>): string[] {
  const entries = Object.entries(checks);
  if (entries.length === 0) return [];
  const rows = entries.map(([name, { passed, value, threshold }]) => [
    name,
    brief(value),
    brief(threshold),
    passed ? "passed" : "failed",
  ]);
  return aligned([["gate", "value", "threshold", "outcome"], ...rows], ["left", "right", "right", "left"]);
}

/** How a reward came about, and whether that is what was recorded. */
function sumLines({ terms, total, addsUp }: Sum, reward: number | null, width: number): string[] {
  if (reward === null)
    return wrapped("nobody could judge it: no reward, and nothing is learnt from it", width);
  if (total === null) return wrapped("how its parts make this reward is not known here", width);
  const written = terms.map(({ part, sign, value }) =>
    [sign, part === null ? "" : figureName(part), value === null ? "" : brief(value)]
      .filter(Boolean)
      .join(" "),
  );
  return [
    ...wrapped(
      `${written.join(" ").replaceAll(" )", ")").replaceAll("( ", "(")} = reward ${decimal(reward, 3)}`,
      width,
    ),
    ...(addsUp
      ? []
      : wrapped(
          `the parts come to ${decimal(total, 4)}, not to the ${decimal(reward, 4)} that was recorded`,
          width,
        )),
  ];
}

function figuresLine(reward: number | null, advantage: number): string {
  return `reward ${decimal(reward)} · advantage ${signed(advantage)}`;
}

/** A title with its number, what follows of it below its beginning. */
function numbered(place: number, title: string, width: number): string[] {
  const number = `${place + 1}`.padEnd(4);
  return wrapped(title, width - 4).map((line, i) => (i === 0 ? number + line : `    ${line}`));
}
