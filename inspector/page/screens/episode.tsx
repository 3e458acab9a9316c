import { useEffect } from "preact/hooks";
import { promptTurnsOf } from "../../../replay/turns.ts";
import type { EpisodeAnswer, Overview, TextsAnswer } from "../../answers.ts";
import { questionerForm, questionerSum, reasonerSum } from "../../arithmetic.ts";
import { decimal, moment, plural, visible, whole } from "../../format.ts";
import { paths } from "../../paths.ts";
import { rewardedFor } from "../../stage_settings.ts";
import { learntFrom, masksTruncated, taughtBy } from "../../teaching.ts";
import { fateNamesOf } from "../../votes.ts";
import { changed, go, href } from "../address.ts";
import { useEpisodeList } from "../episode_list.ts";
import { useKeys } from "../keys.ts";
import { useAnswer } from "../loading.ts";
import { Fact } from "../parts/fact.tsx";
import { filtersOf } from "../parts/filter_bar.tsx";
import { Thumbnail } from "../parts/picture.tsx";
import { Prompt, PromptPictures } from "../parts/prompt.tsx";
import { AnswerRollouts, QuestionRollouts } from "../parts/rollouts.tsx";
import { Problems, Waiting } from "../parts/states.tsx";
import { FateLegend } from "../parts/votes.tsx";
import type { ScreenProps } from "../screen.ts";

/** A group: one image, and all that was asked and answered about it in one step. */
export function EpisodeScreen({ address: { run, id, params }, overview }: ScreenProps) {
  const episode = useAnswer<EpisodeAnswer>(paths.episode(run, id));
  const texts = useAnswer<TextsAnswer>(paths.texts(run, id));
  const filters = filtersOf(params);
  const list = useEpisodeList(run, String(filters), 0);
  const { value, isCurrent } = episode;
  const open = Number(params.get("rollout") ?? 0);
  const step = (by: number) => {
    const next = list.idAt(list.indexOf(Number(id)) + by);
    if (next !== undefined) go({ run, screen: "episodes", id: `${next}`, params: filters });
  };
  const pick = (rollout: number) =>
    go({ run, screen: "episodes", id, params: changed(params, { rollout: `${rollout}` }) }, "replace");
  const rollouts = value?.head.rollouts ?? 0;
  useKeys({
    n: () => step(1),
    p: () => step(-1),
    "]": () => pick(Math.min(rollouts - 1, open + 1)),
    "[": () => pick(Math.max(0, open - 1)),
    Escape: () => go({ run, screen: "episodes", params: changed(filters, { at: id }) }),
  });
  useEffect(() => document.querySelector("main")?.scrollTo(0, 0), [id]);
  const at = list.indexOf(Number(id));
  return (
    <main>
      <div
        style={{ display: "flex", gap: "12px", alignItems: "center", marginBottom: "14px", flexWrap: "wrap" }}
      >
        <a href={href({ run, screen: "episodes", params: changed(filters, { at: id }) })}>← Episodes</a>
        <button type="button" onClick={() => step(-1)} disabled={at <= 0}>
          Previous
        </button>
        <button type="button" onClick={() => step(1)} disabled={at < 0 || at + 1 >= list.length}>
          Next
        </button>
        {at >= 0 && (
          <span class="quiet">
            {whole(at + 1)} of {list.total === null ? "…" : whole(list.total)}
          </span>
        )}
      </div>
      <Problems of={episode} />
      <Waiting for={episode}>Reading episode {id} …</Waiting>
      {value && !episode.failure && (
        <div style={{ opacity: isCurrent ? 1 : 0.5 }}>
          <Group
            run={run}
            episode={value}
            texts={texts.isCurrent ? texts.value : undefined}
            overview={overview}
            open={open}
            onPick={pick}
          />
        </div>
      )}
    </main>
  );
}

interface GroupProps {
  readonly run: string;
  readonly episode: EpisodeAnswer;
  readonly texts: TextsAnswer | undefined;
  readonly overview: Overview;
  readonly open: number;
  readonly onPick: (rollout: number) => void;
}

function Group({ run, episode: { head, event, kin }, texts, overview, open, onPick }: GroupProps) {
  const rewards = "rollouts" in event ? event.rollouts.flatMap(({ reward }) => reward ?? []) : [];
  const learnt = learntFrom(taughtBy(event), masksTruncated(overview.config, head));
  const source = event.type === "reasonerEpisode" ? rewardedFor(overview.config, event) : null;
  const turns = promptTurnsOf(event);
  const taughtNothing = learnt.length > 0 && !learnt.includes(true);
  return (
    <div class="group">
      <aside>
        <PromptPictures run={run} image={head.image} turns={turns} />
        <dl class="facts" style={{ marginTop: "14px", gap: "8px 20px" }}>
          <Fact name="phase">{head.phase}</Fact>
          <Fact name="round · step">
            {head.round} · {head.step}
          </Fact>
          <Fact name="episode">{whole(head.id)}</Fact>
          <Fact name="when">{moment(head.atMs)}</Fact>
          {Object.entries(head.versions).map(([role, version]) => (
            <Fact key={role} name={`version of the ${role}`}>
              {whole(version)}
            </Fact>
          ))}
          {event.type === "reasonerEpisode" && event.view > 0 && <Fact name="view">{event.view}</Fact>}
          {head.superseded && <Fact name="superseded">by a resume</Fact>}
        </dl>
        <Prompt
          turns={turns}
          tools={event.type === "reasonerEpisode" ? event.tools : null}
          template={texts?.template ?? null}
        />
      </aside>
      <div>
        {event.type === "reasonerEpisode" ? (
          <>
            <h1 class="said">{visible(event.question)}</h1>
            <p style={{ margin: "4px 0 12px" }}>
              {source?.before}
              {source?.label != null && <strong>{visible(source.label)}</strong>}
              {source?.after}
            </p>
          </>
        ) : (
          <h1 style={{ marginBottom: "12px" }}>{plural(head.rollouts, "question")} about one picture</h1>
        )}
        {rewards.length > 0 && <Spread rewards={rewards} />}
        {taughtNothing && (
          <p class="problem" style={{ marginTop: "8px" }}>
            This group taught nothing: none of it has an advantage, and it is left out of the update.
          </p>
        )}
        <FateLegend names={fateNamesOf(event.type === "reasonerEpisode" ? event.rollouts : [])} />
        {event.type === "reasonerEpisode" ? (
          <AnswerRollouts
            run={run}
            event={event}
            pieces={texts?.pieces ?? null}
            open={open}
            onPick={onPick}
            learnt={learnt}
            sumOf={({ parts, reward, trajectory }) =>
              reasonerSum(overview.config, head.stage, parts, reward, trajectory?.penalty)
            }
          />
        ) : (
          <QuestionRollouts
            run={run}
            event={event}
            pieces={texts?.pieces ?? null}
            open={open}
            onPick={onPick}
            learnt={learnt}
            sumOf={(parsed, parts, reward) =>
              questionerSum(questionerForm(overview.config), parsed, parts, reward)
            }
          />
        )}
        {kin.length > 0 && (
          <section style={{ marginTop: "28px" }}>
            <h2>The same picture elsewhere</h2>
            <div class="gallery">
              {kin.map((other) => (
                <a
                  key={other.id}
                  href={href({
                    run,
                    screen: "episodes",
                    id: `${other.id}`,
                    params: { image: head.image.id },
                  })}
                >
                  <Thumbnail run={run} image={other.image} size={132} />
                  <div class="clip">{visible(other.question ?? "no question")}</div>
                  <div class="quiet">
                    {other.phase}, round {other.round}
                    {other.superseded && ", superseded"} · {decimal(other.reward ?? other.confidence)}
                  </div>
                </a>
              ))}
            </div>
            <p style={{ marginTop: "8px" }}>
              <a
                href={href({
                  run,
                  screen: "episodes",
                  params: { image: head.image.id, superseded: "include" },
                })}
              >
                All about this picture
              </a>
              {event.type === "reasonerEpisode" && (
                <>
                  {" · "}
                  <a
                    href={href({
                      run,
                      screen: "compare",
                      params: compareParams(run, head.round, head.image.id),
                    })}
                  >
                    Compare with another round
                  </a>
                </>
              )}
            </p>
          </section>
        )}
      </div>
    </div>
  );
}

function compareParams(run: string, round: number, image: string): Readonly<Record<string, string>> {
  return {
    left: run,
    "left.round": "1",
    "left.image": image,
    right: run,
    "right.round": `${round}`,
    "right.image": image,
  };
}

function Spread({ rewards }: { readonly rewards: readonly number[] }) {
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  const deviation = Math.sqrt(
    rewards.reduce((sum, reward) => sum + (reward - mean) ** 2, 0) / Math.max(1, rewards.length - 1),
  );
  return (
    <p>
      reward {decimal(mean)} on average, deviation {decimal(deviation)}
    </p>
  );
}
