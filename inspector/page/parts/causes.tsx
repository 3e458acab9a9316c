import { attributionShares } from "../../../replay/attribution.ts";
import type { AttributionFigures } from "../../../replay/events.ts";
import type { Evaluation, StepSeries } from "../../answers.ts";
import { meaningOf } from "../../attributions.ts";
import { decimal, percent, visible } from "../../format.ts";
import { href } from "../address.ts";
import { useWidth } from "../width.ts";

interface CausesProps {
  readonly run: string;
  readonly evaluations: readonly Evaluation[];
  readonly steps: readonly StepSeries[];
}

/** Where the Reasoner's answers go wrong, by evaluation and by kind of question; nothing where nobody looked. */
export function Causes({ run, evaluations, steps }: CausesProps) {
  const looked = evaluations.flatMap(({ event, round, report: { attribution } }) =>
    attribution ? [{ event, round, ...attribution }] : [],
  );
  const last = looked.at(-1);
  if (!last) return null;
  const columns = Object.keys(attributionShares(last.overall));
  const causes = Object.keys(last.overall.causes);
  const found = causesFound(steps);
  const linkOf: LinkOf = (round, cause) =>
    found.has(`${round} ${cause}`)
      ? href({ run, screen: "episodes", params: { round: `${round}`, [`cause:${cause}`]: "1.." } })
      : null;
  return (
    <section>
      <h2>Where answers go wrong</h2>
      <p class="why">
        The Reasoner describes each picture and answers from that alone: where the chain breaks shows the
        cause. Percent of the answers whose description can be used. A cause leads to the round's episodes
        with it, where training met any.
      </p>
      <p class="legend">
        {causes.map((cause) => (
          <span key={cause} title={meaningOf(cause)}>
            <i style={{ background: colourOf(cause) }} />
            {visible(cause)}
          </span>
        ))}
      </p>
      <div class="grid learning">
        <CauseBars rounds={looked} linkOf={linkOf} />
        <div class="scroll">
          <table>
            <Head first="round" columns={columns} />
            <tbody>
              {looked.map(({ event, round, overall }) => (
                <tr key={event}>
                  <td class="n">{round}</td>
                  <Shares figures={overall} columns={columns} linkOf={(name) => linkOf(round, name)} />
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </div>
      <details>
        <summary>By kind of question, round {last.round}</summary>
        <div class="scroll" tabIndex={0} role="region" aria-label="Causes by kind of question">
          <table>
            <Head first="kind" columns={columns} />
            <tbody>
              {Object.entries(last.families).map(([family, figures]) => (
                <tr key={family}>
                  <td>{visible(family)}</td>
                  <Shares figures={figures} columns={columns} linkOf={() => null} />
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </section>
  );
}

/** The address of a round's episodes in which some answer went wrong so; null where there are none. */
type LinkOf = (round: number, cause: string) => string | null;

/** Rounds and causes of what was played, "1 grounding": an evaluation's own answers are no episodes. */
function causesFound(steps: readonly StepSeries[]): ReadonlySet<string> {
  const found = steps.flatMap(({ round, figures }) =>
    Object.entries(figures).flatMap(([name, shares]) =>
      name.startsWith("cause:")
        ? shares.flatMap((share, i) => (share ? [`${round[i]} ${name.slice("cause:".length)}`] : []))
        : [],
    ),
  );
  return new Set(found);
}

function Head({ first, columns }: { readonly first: string; readonly columns: readonly string[] }) {
  return (
    <thead>
      <tr>
        <th class={first === "round" ? "n" : ""}>{first}</th>
        {columns.map((name) => (
          <th key={name} class="n" title={meaningOf(name)}>
            {visible(name)}
          </th>
        ))}
      </tr>
    </thead>
  );
}

interface SharesProps {
  readonly figures: AttributionFigures;
  readonly columns: readonly string[];
  readonly linkOf: (name: string) => string | null;
}

function Shares({ figures, columns, linkOf }: SharesProps) {
  const shares = attributionShares(figures);
  return columns.map((name) => {
    const share = shares[name];
    const text = decimal(share == null ? null : 100 * share, 1);
    const link = share ? linkOf(name) : null;
    return (
      <td key={name} class="n">
        {link === null ? text : <a href={link}>{text}</a>}
      </td>
    );
  });
}

/** Until the real one is known, pixels. */
const WIDTH = 640;
const HEIGHT = 160;
const LEFT = 34;
const BOTTOM = 20;

const colours: Readonly<Record<string, string>> = {
  grounding: "var(--disagree)",
  reasoning: "var(--question)",
  fusion: "var(--agree)",
  unfaithful: "var(--abstain)",
};

function colourOf(cause: string): string {
  return colours[cause] ?? "var(--other)";
}

interface CauseBarsProps {
  readonly linkOf: LinkOf;
  readonly rounds: readonly { readonly round: number; readonly overall: AttributionFigures }[];
}

/** A bar for each evaluation, the causes stacked in it. */
function CauseBars({ rounds, linkOf }: CauseBarsProps) {
  const [box, width] = useWidth<SVGSVGElement>(WIDTH);
  const sums = rounds.map(({ overall }) =>
    Object.values(overall.causes).reduce<number>((sum, share) => sum + (share ?? 0), 0),
  );
  const most = Math.max(0.1, ...sums);
  const tall = (share: number) => (share / most) * (HEIGHT - BOTTOM - 8);
  const step = (width - LEFT) / rounds.length;
  const bar = Math.max(2, Math.min(48, step * 0.7));
  const every = Math.max(1, Math.ceil(rounds.length / 16));
  return (
    <svg
      ref={box}
      viewBox={`0 0 ${width} ${HEIGHT}`}
      width="100%"
      role="group"
      aria-label="Causes by round; the table has the figures"
    >
      {[0, most / 2, most].map((value) => (
        <g key={value}>
          <line class="axis" x1={LEFT} x2={width} y1={8 + tall(most - value)} y2={8 + tall(most - value)} />
          <text x={LEFT - 6} y={12 + tall(most - value)} text-anchor="end">
            {(100 * value).toFixed(0)}
          </text>
        </g>
      ))}
      {rounds.map(({ round, overall }, i) => {
        const x = LEFT + i * step + (step - bar) / 2;
        let top = HEIGHT - BOTTOM;
        return (
          <g key={i}>
            {Object.entries(overall.causes).map(([cause, share]) => {
              if (!share) return null;
              top -= tall(share);
              const said = `round ${round}, ${cause}: ${percent(share, 1)}`;
              const rect = (
                <rect x={x} y={top} width={bar} height={tall(share)} fill={colourOf(cause)}>
                  <title>{said}</title>
                </rect>
              );
              const link = linkOf(round, cause);
              return link === null ? (
                <g key={cause}>{rect}</g>
              ) : (
                <a key={cause} href={link} aria-label={said}>
                  {rect}
                </a>
              );
            })}
            {i % every === 0 && (
              <text x={x + bar / 2} y={HEIGHT - 4} text-anchor="middle">
                {round}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}
