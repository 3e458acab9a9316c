import type { CurriculumLine, Fate } from "../../answers.ts";
import { decimal, percent, visible } from "../../format.ts";
import { paths } from "../../paths.ts";
import { verifiedShare } from "../../votes.ts";
import { href } from "../address.ts";
import { useAnswer } from "../loading.ts";
import type { ScreenProps } from "../screen.ts";
import { Thumbnail } from "./picture.tsx";
import { FateLegend, VoteBar } from "./votes.tsx";

interface ItemProps {
  readonly run: string;
  readonly line: CurriculumLine;
  readonly overview: ScreenProps["overview"];
}

/** One question: the vote that decided on it, and what the Reasoner made of it since. */
export function CurriculumItem({ run, line, overview }: ItemProps) {
  const { episode, rollout, round, image, question, text, verdict, rejection, label, alike } = line;
  const fate = useAnswer<Fate>(
    rejection === null && question !== null ? paths.fate(run, image.id, question) : null,
    overview.line.about?.position,
  );
  const passes = fate.isCurrent ? (fate.value?.passes ?? []) : [];
  return (
    <aside aria-label="The question">
      <h1 class="said">{visible(question ?? text)}</h1>
      <div style={{ margin: "10px 0" }}>
        <Thumbnail run={run} image={image} size={200} />
      </div>
      <p>
        {rejection === null ? (
          <>
            Entered in round {round}, labelled <strong>{visible(label ?? "")}</strong>.
          </>
        ) : (
          <>Did not enter: {rejection}.</>
        )}{" "}
        <a
          href={href({
            run,
            screen: "episodes",
            id: `${episode}`,
            params: { rollout: `${rollout}`, phase: "curriculum" },
          })}
        >
          Where it was asked
        </a>
      </p>
      {verdict && (
        <>
          <div style={{ margin: "10px 0" }}>
            <VoteBar verdict={verdict} />
            <FateLegend />
          </div>
          <table>
            <tbody>
              {verdict.votes.map(({ answer, count }) => (
                <tr key={answer}>
                  <td class="said">{visible(answer)}</td>
                  <td class="n">{count}</td>
                  <td class="n quiet">{percent(count / verdict.samples)}</td>
                </tr>
              ))}
              {verdict.verified !== null && (
                <tr>
                  <td class="quiet">of the votes, verified by tools</td>
                  <td class="n">{verdict.verified}</td>
                  <td class="n quiet">{percent(verifiedShare(verdict) ?? 0)}</td>
                </tr>
              )}
              {verdict.parseFailures > 0 && (
                <tr>
                  <td class="quiet">no vote</td>
                  <td class="n">{verdict.parseFailures}</td>
                  <td class="n quiet">{percent(verdict.parseFailures / verdict.samples)}</td>
                </tr>
              )}
            </tbody>
          </table>
        </>
      )}
      {rejection === null && (
        <section style={{ marginTop: "18px" }}>
          <h2>Since then</h2>
          {passes.length === 0 ? (
            <p class="quiet">{fate.isCurrent ? "The Reasoner has not been taught with it." : "…"}</p>
          ) : (
            <>
              <p>
                {passes.some(({ measures }) => (measures["part:agreement"] ?? 0) > 0.5)
                  ? "Most answers agreed with the label at some time."
                  : "Most answers never agreed with the label."}
              </p>
              <table>
                <thead>
                  <tr>
                    <th>pass</th>
                    <th class="n">agreed</th>
                    <th class="n">reward</th>
                  </tr>
                </thead>
                <tbody>
                  {passes.map(({ id, round: own, step, measures, reward }, i) => (
                    <tr key={id}>
                      <td>
                        <a href={href({ run, screen: "episodes", id: `${id}`, params: { image: image.id } })}>
                          {i + 1}: round {own}, step {step}
                        </a>
                      </td>
                      <td class="n">{percent(measures["part:agreement"])}</td>
                      <td class="n">{decimal(reward)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </>
          )}
        </section>
      )}
      {alike.length > 0 && (
        <section>
          <h2>Near duplicates that entered</h2>
          {alike.map((other) => (
            <p key={other} class="said">
              {visible(other)}
            </p>
          ))}
        </section>
      )}
    </aside>
  );
}
