import { useState } from "preact/hooks";
import type { ReasonerRollout, TrajectoryRecord, TurnRecord } from "../../../replay/events.ts";
import { actedTurns } from "../../../replay/turns.ts";
import { brief, figureName, partsText, visible } from "../../format.ts";
import { earnedIn, failureText, faultText, turnTitle } from "../../trajectories.ts";
import { Thumbnail, Viewer } from "./picture.tsx";
import { type TokenSection, Tokens, type TokensProps } from "./tokens.tsx";

interface TrajectoryProps extends Omit<TokensProps, "completion" | "sections"> {
  readonly run: string;
  readonly rollout: ReasonerRollout;
  readonly trajectory: TrajectoryRecord;
}

/** What was said in each turn and read after it, with what the turns earned. */
export function Trajectory({ run, rollout, trajectory, ...tokens }: TrajectoryProps) {
  const fault = faultText(trajectory);
  const failure = failureText(trajectory);
  const sections = actedTurns(rollout, trajectory).map(
    ({ observed, ...turn }, i): TokenSection => ({
      ...turn,
      before: (
        <h3>
          {turnTitle(i, turn)}
          {trajectory.failure?.turn === i && <span class="quiet"> · here it began to fail</span>}
        </h3>
      ),
      after: <ReadTurns run={run} turns={observed} />,
    }),
  );
  return (
    <>
      {fault !== null && <p class="problem bad">{visible(fault)}</p>}
      {failure !== null && <p class="problem">{visible(failure)}</p>}
      <Tokens {...tokens} completion={rollout} sections={sections} />
      <Earned rollout={rollout} trajectory={trajectory} />
    </>
  );
}

/** What each turn earned, and what they come to. */
function Earned({ rollout, trajectory }: Pick<TrajectoryProps, "rollout" | "trajectory">) {
  const { sums, addsUp } = earnedIn(trajectory, rollout);
  const names = Object.keys(sums);
  // Of a single turn, its heading says it all.
  if (addsUp && (names.length === 0 || trajectory.turns.length < 2)) return null;
  return (
    <div>
      <div class="scroll">
        <table aria-label="What the turns earned">
          <thead>
            <tr>
              <th>turn</th>
              {names.map((name) => (
                <th key={name} class="n">
                  {figureName(name)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {trajectory.turns.map(({ parts }, i) => (
              <tr key={i}>
                <td>{i + 1}</td>
                {names.map((name) => (
                  <td key={name} class="n">
                    {name in parts ? brief(parts[name]) : ""}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">all turns</th>
              {names.map((name) => (
                <td key={name} class="n">
                  <strong>{brief(sums[name])}</strong>
                </td>
              ))}
            </tr>
          </tfoot>
        </table>
      </div>
      {!addsUp && (
        <p class="problem">That is not what was recorded: {partsText(rollout.parts).join(" · ")}.</p>
      )}
    </div>
  );
}

/** Turns that the policy read, texts and pictures in their order. */
export function ReadTurns({ run, turns }: { readonly run: string; readonly turns: readonly TurnRecord[] }) {
  return (
    <>
      {turns.map(({ role, parts }, i) => (
        <div key={i} class="read">
          <span class="quiet">{visible(role)}</span>
          {parts.map((part, j) =>
            typeof part === "string" ? (
              <p key={j} class="said">
                {visible(part)}
              </p>
            ) : (
              <SmallPicture key={j} run={run} id={part.image} />
            ),
          )}
        </div>
      ))}
    </>
  );
}

/** A small picture that can be opened, to zoom into it. */
function SmallPicture({ run, id }: { readonly run: string; readonly id: string }) {
  const [isOpen, setOpen] = useState(false);
  const image = { id, name: id };
  return (
    <details
      class="picture"
      open={isOpen}
      onToggle={({ currentTarget }) => setOpen((currentTarget as HTMLDetailsElement).open)}
    >
      <summary>{isOpen ? "Close" : <Thumbnail run={run} image={image} size={96} />}</summary>
      {isOpen && <Viewer run={run} image={image} />}
    </details>
  );
}
