import { diffWords } from "diff";
import type { Comparison, EpisodeAnswer, Overview, Pair, RunLine } from "../../answers.ts";
import { completionsOf } from "../../completions.ts";
import { decimal, percent, plural, visible, whole } from "../../format.ts";
import { paths } from "../../paths.ts";
import { clustersOf } from "../../votes.ts";
import { changed, go, href } from "../address.ts";
import { useKeys } from "../keys.ts";
import { useAnswer } from "../loading.ts";
import { Select } from "../parts/filter_bar.tsx";
import { Thumbnail } from "../parts/picture.tsx";
import { Empty, Problems, Waiting } from "../parts/states.tsx";
import { TypedField } from "../parts/typed_field.tsx";
import type { ScreenProps } from "../screen.ts";

type Side = "left" | "right";

/** The same question about the same picture at two places: rounds, versions or runs. What changed comes first. */
export function CompareScreen({ address: { run, params }, overview }: ScreenProps) {
  const runs = useAnswer<RunLine[]>(paths.runs);
  const rounds = [
    ...new Set(overview.counts.flatMap(({ phase, round }) => (phase === "reasoner" ? round : []))),
  ];
  const given = withDefaults(params, run, overview);
  const comparison = useAnswer<Comparison>(rounds.length === 0 ? null : paths.compare(withoutPick(given)));
  const { value } = comparison;
  const picked = params.get("pair");
  const pairs = value?.pairs ?? [];
  const at = pairs.findIndex((pair) => keyOf(pair) === picked);
  const pick = (index: number) => {
    const pair = pairs[index];
    if (pair) go({ run, screen: "compare", params: changed(given, { pair: keyOf(pair) }) }, "replace");
  };
  useKeys({
    j: () => pick(Math.min(pairs.length - 1, at + 1)),
    k: () => pick(Math.max(0, at - 1)),
    Escape: () => go({ run, screen: "compare", params: changed(given, { pair: "" }) }, "replace"),
  });
  if (rounds.length === 0) {
    return (
      <main>
        <Empty>
          Questions that the Reasoner was taught with at two times would be here; it has not been taught yet.
        </Empty>
      </main>
    );
  }
  return (
    <main>
      <div class="sides" style={{ marginBottom: "16px" }}>
        {(["left", "right"] as const).map((side) => (
          <SideBar key={side} side={side} run={run} params={given} runs={runs.value ?? []} rounds={rounds} />
        ))}
      </div>
      <Problems of={comparison} />
      <Waiting for={comparison}>Comparing …</Waiting>
      {value && (
        // What was compared before cannot be picked any more.
        <div inert={!comparison.isCurrent} style={{ opacity: comparison.isCurrent ? 1 : 0.5 }}>
          <p style={{ marginBottom: "14px" }} role="status">
            {plural(value.total, "question")} on both sides, {whole(value.flipped)} of them with another
            outcome
            {value.sides.some(({ looked, of }) => looked < of) && (
              <span class="quiet">
                {" "}
                (of {value.sides.map(({ looked, of }) => `${whole(looked)} of ${whole(of)}`).join(" and ")}{" "}
                episodes)
              </span>
            )}
          </p>
          {pairs.length === 0 && (
            <Empty>
              No question about the same picture was answered on both sides. Choose other rounds, or runs.
            </Empty>
          )}
          {pairs.map((pair) => (
            <PairRow key={keyOf(pair)} pair={pair} run={run} params={given} isOpen={keyOf(pair) === picked} />
          ))}
        </div>
      )}
    </main>
  );
}

/** The first passes of the last round beside its last ones, unless the address says otherwise. */
function withDefaults(params: URLSearchParams, run: string, { counts, spans }: Overview): URLSearchParams {
  const round = Math.max(...counts.flatMap((each) => (each.phase === "reasoner" ? each.round : [])));
  const steps = spans.findLast((span) => span.phase === "reasoner" && span.round === round)?.steps ?? 2;
  const middle = Math.max(1, Math.floor(steps / 2));
  const place = (side: Side, step: string) =>
    hasQuery(params, side) ? {} : { [`${side}.round`]: `${round}`, [`${side}.step`]: step };
  const defaults = {
    left: run,
    "left.phase": "reasoner",
    ...place("left", `..${middle - 1}`),
    right: run,
    "right.phase": "reasoner",
    ...place("right", `${middle}..`),
  };
  return new URLSearchParams({ ...defaults, ...Object.fromEntries(params) });
}

function hasQuery(params: URLSearchParams, side: Side): boolean {
  return [...params.keys()].some((name) => name.startsWith(`${side}.`));
}

function withoutPick(params: URLSearchParams): URLSearchParams {
  return changed(params, { pair: "" });
}

function keyOf({ left, right }: Pair): string {
  return `${left.id}-${right.id}`;
}

interface SideBarProps {
  readonly side: Side;
  readonly run: string;
  readonly params: URLSearchParams;
  readonly runs: readonly RunLine[];
  readonly rounds: readonly number[];
}

function SideBar({ side, run, params, runs, rounds }: SideBarProps) {
  const set = (changes: Readonly<Record<string, string>>) =>
    go({ run, screen: "compare", params: changed(withoutPick(params), changes) });
  const own = params.get(side) ?? run;
  const round = params.get(`${side}.round`) ?? "";
  const planned = runs.find(({ key }) => key === own)?.about?.rounds ?? 0;
  const choices = own === run ? rounds : Array.from({ length: planned }, (_, i) => i + 1);
  return (
    <div style={{ display: "flex", gap: "8px", flexWrap: "wrap", alignItems: "center" }}>
      {runs.length > 1 && (
        <Select
          name={`Run, ${side}`}
          value={own}
          options={runs.map(({ key }) => [key, key])}
          onChange={(value) => set({ [side]: value })}
        />
      )}
      <Select
        name={`Round, ${side}`}
        value={round}
        options={[
          ["", "any round"],
          ...choices.map((each): [string, string] => [`${each}`, `round ${each}`]),
        ]}
        onChange={(value) =>
          set({ [`${side}.round`]: value, ...(value === "" && { [`${side}.phase`]: "reasoner" }) })
        }
      />
      {(["step", "reasonerVersion"] as const).map((name) => (
        <span key={name} class="typed">
          {name === "step" ? "steps" : "version"}{" "}
          <TypedField
            label={`${name === "step" ? "Steps" : "Reasoner's version"}, ${side}`}
            placeholder="any"
            value={params.get(`${side}.${name}`) ?? ""}
            onCommit={(text) => set({ [`${side}.${name}`]: text.trim() })}
          />
        </span>
      ))}
      {params.has(`${side}.image`) && (
        <span class="chip">
          one image
          <button
            type="button"
            aria-label="Any image"
            onClick={() => set({ "left.image": "", "right.image": "" })}
          >
            ×
          </button>
        </span>
      )}
    </div>
  );
}

interface PairRowProps {
  readonly pair: Pair;
  readonly run: string;
  readonly params: URLSearchParams;
  readonly isOpen: boolean;
}

function PairRow({ pair, run, params, isOpen }: PairRowProps) {
  const { left, right, flipped } = pair;
  const sides = { left: params.get("left") ?? run, right: params.get("right") ?? run };
  return (
    <details class="rollout pair" open={isOpen}>
      <summary
        onClick={(event) => {
          event.preventDefault();
          go(
            { run, screen: "compare", params: changed(params, { pair: isOpen ? "" : keyOf(pair) }) },
            "replace",
          );
        }}
      >
        <Thumbnail run={sides.left} image={left.image} size={48} />
        <span class="said">
          {visible(left.question ?? "")}
          <div class="quiet">
            {left.label === right.label
              ? `label ${visible(left.label ?? "–")}`
              : `label ${visible(left.label ?? "–")} → ${visible(right.label ?? "–")}`}
          </div>
        </span>
        <span class="wide">
          agreed {percent(left.measures["part:agreement"])} → {percent(right.measures["part:agreement"])}
          <div class="quiet">
            reward {decimal(left.reward)} → {decimal(right.reward)}
          </div>
        </span>
        <span class={flipped ? (isBetter(pair) ? "good" : "bad") : "quiet"}>
          {flipped ? (isBetter(pair) ? "agrees now" : "no longer") : "same"}
        </span>
      </summary>
      {isOpen && <Opened pair={pair} sides={sides} />}
    </details>
  );
}

function isBetter({ left, right }: Pair): boolean {
  return (right.measures["part:agreement"] ?? 0) > (left.measures["part:agreement"] ?? 0);
}

/** The commonest answer of each side, with what differs between them, and how its votes were spread. */
function Opened({ pair, sides }: { readonly pair: Pair; readonly sides: Readonly<Record<Side, string>> }) {
  const path = (side: Side) => paths.episode(sides[side], pair[side].id);
  const left = useAnswer<EpisodeAnswer>(path("left"));
  const right = useAnswer<EpisodeAnswer>(path("right"));
  if (!left.isCurrent || !right.isCurrent || !left.value || !right.value) {
    return (
      <div class="body">
        <Problems of={left} />
        <Problems of={right} />
        <Waiting for={left}>Reading both …</Waiting>
      </div>
    );
  }
  const texts = [commonest(left.value), commonest(right.value)] as const;
  const spreads = { left: spreadOf(left.value), right: spreadOf(right.value) };
  const changes = diffWords(texts[0], texts[1]);
  return (
    <div class="body sides">
      {(["left", "right"] as const).map((side) => (
        <div key={side}>
          <h3>
            <a href={href({ run: sides[side], screen: "episodes", id: `${pair[side].id}` })}>
              {sides.left === sides.right ? "" : `${sides[side]}, `}round {pair[side].round}, step{" "}
              {pair[side].step}, version {pair[side].versions.reasoner}
            </a>
          </h3>
          <p class="tokens">
            {changes.map(({ value, added, removed }, i) => {
              if (side === "left" ? added : removed) return null;
              const text = visible(value);
              if (side === "left" && removed) return <del key={i}>{text}</del>;
              if (side === "right" && added) return <ins key={i}>{text}</ins>;
              return text;
            })}
          </p>
          <p class="quiet">{spreads[side]}</p>
        </div>
      ))}
    </div>
  );
}

/** A completion that cast the commonest vote. */
function commonest({ event }: EpisodeAnswer): string {
  if (event.type !== "reasonerEpisode") return completionsOf(event)[0]?.text ?? "";
  return clustersOf(event.rollouts, event.label)[0]?.answers[0]?.text ?? "";
}

function spreadOf({ event }: EpisodeAnswer): string {
  if (event.type !== "reasonerEpisode") return "";
  return clustersOf(event.rollouts, event.label)
    .map(({ vote, answers }) => `${visible(vote)}: ${answers.length}`)
    .join(" · ");
}
