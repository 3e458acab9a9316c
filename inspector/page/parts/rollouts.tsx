import type {
  AnswerRecord,
  CurriculumEpisode,
  EpisodeEvent,
  QuestionerEpisode,
  ReasonerEpisode,
  ReasonerRollout,
  TrajectoryRecord,
} from "../../../replay/events.ts";
import type { Sum } from "../../arithmetic.ts";
import { decimal, partsText, visible } from "../../format.ts";
import { turnTitle } from "../../trajectories.ts";
import { type Cluster, clustersOf, countText, fateNamesOf, fateOf, verifiedText } from "../../votes.ts";
import { href } from "../address.ts";
import { Attribution } from "./attribution.tsx";
import { Described } from "./described.tsx";
import { Checks, RewardSum } from "./reward.tsx";
import { Tokens } from "./tokens.tsx";
import { Trajectory } from "./trajectory.tsx";
import { VoteBar } from "./votes.tsx";

type Pieces = readonly (readonly string[])[] | null;
type Parts = Readonly<Record<string, number>>;

interface RolloutsProps<E extends EpisodeEvent> {
  readonly event: E;
  /** As `completionsOf` orders them. */
  readonly pieces: Pieces;
  readonly open: number;
  readonly onPick: (rollout: number) => void;
  /** Which rollouts the update learns from. */
  readonly learnt: readonly boolean[];
}

interface AnswersProps extends RolloutsProps<ReasonerEpisode & EpisodeEvent> {
  readonly run: string;
  readonly sumOf: (rollout: ReasonerRollout) => Sum;
}

/** The answers to one question, or trajectories in one task, in clusters of equal votes, and each by itself. */
export function AnswerRollouts({
  run,
  event: { rollouts, label },
  pieces,
  open,
  onPick,
  learnt,
  sumOf,
}: AnswersProps) {
  const names = fateNamesOf(rollouts);
  return (
    <>
      <Clusters clusters={clustersOf(rollouts, label)} />
      <div class="rollouts">
        {rollouts.map((rollout, i) => {
          const fate = fateOf(rollout, label);
          const { trajectory } = rollout;
          const sum = <RewardSum sum={sumOf(rollout)} reward={rollout.reward} />;
          const tokens = {
            pieces: pieces?.[i] ?? null,
            advantage: rollout.advantage,
            isLearnt: learnt[i] ?? false,
            reference: rollout.referenceLogProbs,
          };
          return (
            <Rollout
              key={i}
              number={i}
              isOpen={i === open}
              onPick={onPick}
              title={rollout.vote ?? rollout.failure ?? rollout.outcome}
              fault={trajectory?.fault?.kind ?? null}
              cause={rollout.attribution?.cause ?? null}
              middle={
                <span>
                  <i class={`key ${fate}`} />
                  {names[fate]}
                </span>
              }
              reward={rollout.reward}
              advantage={rollout.advantage}
            >
              {trajectory ? (
                <>
                  <Trajectory {...tokens} run={run} rollout={rollout} trajectory={trajectory} />
                  {sum}
                </>
              ) : (
                <>
                  {sum}
                  <p class="quiet">{partsText(rollout.parts).join(" · ")}</p>
                  <Tokens {...tokens} completion={rollout} />
                </>
              )}
              {rollout.attribution && <Attribution attribution={rollout.attribution} />}
            </Rollout>
          );
        })}
      </div>
    </>
  );
}

interface QuestionsProps extends RolloutsProps<EpisodeEvent & (QuestionerEpisode | CurriculumEpisode)> {
  readonly run: string;
  readonly sumOf: (parsed: boolean, parts: Parts, reward: number | null) => Sum;
}

/** The questions about one picture: each with its votes, its gate, its reward, and its answers. */
export function QuestionRollouts({ run, event, pieces, open, onPick, learnt, sumOf }: QuestionsProps) {
  const questions = event.type === "questionerEpisode" ? event.rollouts : event.questions;
  let completion = 0;
  return (
    <div class="rollouts">
      {questions.map((question, i) => {
        const first = completion;
        const blind = question.blindAnswers ?? [];
        completion += 1 + question.answers.length + blind.length;
        const rollout = event.type === "questionerEpisode" ? event.rollouts[i] : undefined;
        const item = event.type === "curriculumEpisode" ? event.questions[i] : undefined;
        const silver = question.verdict?.silver ?? null;
        return (
          <Rollout
            key={i}
            number={i}
            isOpen={i === open}
            onPick={onPick}
            title={question.question ?? question.failure ?? "no question"}
            middle={<VoteBar verdict={question.verdict} />}
            reward={rollout ? rollout.reward : (question.verdict?.confidence ?? null)}
            advantage={rollout?.advantage ?? null}
          >
            {item && (
              <p>
                {item.rejection === null ? (
                  <>
                    Entered the curriculum, labelled <strong>{visible(item.label ?? "")}</strong>.{" "}
                    <a href={href({ run, screen: "curriculum", params: { round: `${event.round}` } })}>
                      The curriculum
                    </a>
                  </>
                ) : (
                  <>Rejected: {item.rejection}.</>
                )}
              </p>
            )}
            {rollout && (
              <>
                <RewardSum
                  sum={sumOf(question.question !== null, rollout.parts, rollout.reward)}
                  reward={rollout.reward}
                />
                <Checks checks={rollout.checks} />
              </>
            )}
            {question.verdict && (
              <div class={blind.length > 0 ? "sides" : ""}>
                <div>
                  <h3>
                    Answers to the picture: silver{" "}
                    {silver === null ? "none" : <strong>{visible(silver)}</strong>}, confidence{" "}
                    {decimal(question.verdict.confidence)}
                    {verifiedText(question.verdict)}
                  </h3>
                  <Clusters clusters={clustersOf(question.answers, silver)} />
                </div>
                {blind.length > 0 && (
                  <div>
                    <h3>Blind answers: the picture was blanked</h3>
                    <Clusters clusters={clustersOf(blind, silver)} />
                  </div>
                )}
              </div>
            )}
            {item?.described && <Described described={item.described} />}
            {question.ownAnswer !== null && (
              <p class="quiet">The asker's own answer: {visible(question.ownAnswer)}</p>
            )}
            <Tokens
              completion={question.completion}
              pieces={pieces?.[first] ?? null}
              advantage={rollout?.advantage ?? null}
              isLearnt={learnt[i] ?? false}
              reference={rollout?.referenceLogProbs ?? null}
            />
          </Rollout>
        );
      })}
    </div>
  );
}

interface RolloutProps {
  readonly number: number;
  readonly isOpen: boolean;
  readonly onPick: (rollout: number) => void;
  readonly title: string;
  /** What spoiled it, by its kind. */
  readonly fault?: string | null;
  /** Where it went wrong. */
  readonly cause?: string | null;
  readonly middle: preact.ComponentChildren;
  readonly reward: number | null;
  readonly advantage: number | null;
  readonly children: preact.ComponentChildren;
}

function Rollout({
  number,
  isOpen,
  onPick,
  title,
  fault = null,
  cause = null,
  middle,
  reward,
  advantage,
  children,
}: RolloutProps) {
  return (
    <details class="rollout" open={isOpen}>
      <summary
        onClick={(event) => {
          event.preventDefault();
          onPick(isOpen ? -1 : number);
        }}
      >
        <span class="quiet n">{number + 1}</span>
        <span class="said">
          {fault !== null && <strong class="bad">fault, {visible(fault)} · </strong>}
          {visible(title)}
          {cause !== null && <span class="quiet"> · {visible(cause)}</span>}
        </span>
        <span class="wide">{middle}</span>
        <span class="n" title="reward, or confidence where there is none">
          {decimal(reward)}
        </span>
        <span class="n wide quiet" title="advantage">
          {advantage === null ? "" : `${advantage > 0 ? "+" : ""}${decimal(advantage)}`}
        </span>
      </summary>
      {isOpen && <div class="body">{children}</div>}
    </details>
  );
}

/** Each different vote with how often it was cast, and what was said for it. */
function Clusters<A extends AnswerRecord>({ clusters }: { readonly clusters: readonly Cluster<A>[] }) {
  const total = clusters.reduce((sum, { answers }) => sum + answers.length, 0);
  return (
    <div class="answers" style={{ margin: "6px 0 14px" }}>
      {clusters.map(({ vote, fate, answers }) => (
        <div key={`${fate} ${vote}`} class={`answer ${fate}`}>
          <strong class="said">{visible(vote)}</strong> <span class="quiet">{countText(answers, total)}</span>
          <details>
            <summary class="quiet">what was said</summary>
            {answers.map((answer, i) => (
              <p key={i} class="said" style={{ margin: "4px 0" }}>
                {answer.trajectory ? <Turns trajectory={answer.trajectory} /> : visible(answer.text)}
                {answer.failure !== null && <span class="bad"> ({visible(answer.failure)})</span>}
                {answer.finishReason === "length" && <span class="quiet"> (cut off)</span>}
              </p>
            ))}
          </details>
        </div>
      ))}
    </div>
  );
}

/** What was said before a vote, turn by turn. */
function Turns({ trajectory: { turns } }: { readonly trajectory: TrajectoryRecord }) {
  return (
    <>
      {turns.map((turn, i) => (
        <span key={i}>
          <span class="quiet">{turnTitle(i, turn)}: </span>
          {visible(turn.text)}{" "}
        </span>
      ))}
    </>
  );
}
