import type { Estimate } from "../../../replay/events.ts";
import type { Overview } from "../../answers.ts";
import { decimal, interval } from "../../format.ts";
import { href } from "../address.ts";
import { useWidth } from "../width.ts";

/** Until the real one is known, pixels. */
const WIDTH = 640;
const HEIGHT = 220;
const LEFT = 34;
const BOTTOM = 20;
const RIGHT = 72;

/** Accuracy on held-out questions by round, with 95% intervals, and the share of silver answers that are true. */
export function LearningPlot({
  overview: { line, curricula },
  run,
}: {
  readonly overview: Overview;
  readonly run: string;
}) {
  const [box, width] = useWidth<SVGSVGElement>(WIDTH);
  const evaluations = line.about?.evaluations ?? [];
  const samples = evaluations[0]?.report.samples ?? 8;
  const series = [
    { name: "greedy", colour: "var(--agree)", of: "greedy" },
    { name: `mean@${samples}`, colour: "var(--disagree)", of: "mean8" },
    { name: `maj@${samples}`, colour: "var(--question)", of: "maj8" },
  ] as const;
  const rounds = evaluations.map(({ round }) => round);
  const last = Math.max(1, ...rounds, ...curricula.map(({ round }) => round));
  const x = (round: number) => LEFT + (round / last) * (width - LEFT - RIGHT);
  const y = (value: number) => 8 + (1 - value / 100) * (HEIGHT - BOTTOM - 8);
  const silver = curricula.flatMap(({ round, audit }) =>
    audit?.silverCorrect == null ? [] : [{ round, value: 100 * audit.silverCorrect }],
  );
  const ends = [
    ...series.map(({ name, colour, of }) => ({
      name,
      colour,
      value: evaluations.at(-1)?.report.overall[of].percent ?? 0,
    })),
    ...(silver.length > 0
      ? [{ name: "silver", colour: "var(--curriculum)", value: silver.at(-1)?.value ?? 0 }]
      : []),
  ];
  return (
    <div class="grid learning">
      <svg
        ref={box}
        viewBox={`0 0 ${width} ${HEIGHT}`}
        width="100%"
        role="img"
        aria-label="Accuracy by round; the table has the figures"
      >
        {[0, 25, 50, 75, 100].map((value) => (
          <g key={value}>
            <line class="axis" x1={LEFT} x2={width - RIGHT} y1={y(value)} y2={y(value)} />
            <text x={LEFT - 6} y={y(value) + 4} text-anchor="end">
              {value}
            </text>
          </g>
        ))}
        {ticks(last).map((round) => (
          <text key={round} x={x(round)} y={HEIGHT - 4} text-anchor="middle">
            {round}
          </text>
        ))}
        {series.map(({ name, colour, of }) => {
          const points = evaluations.map(({ round, report }) => ({ round, estimate: report.overall[of] }));
          return (
            <g key={name}>
              {of === "greedy" && <path d={area(points, x, y)} fill={colour} opacity={0.13} />}
              <path
                d={path(points.map(({ round, estimate }) => [x(round), y(estimate.percent)]))}
                stroke={colour}
                fill="none"
                stroke-width={1.8}
              />
              {points.map(({ round, estimate }) => (
                <circle key={round} cx={x(round)} cy={y(estimate.percent)} r={2.6} fill={colour}>
                  <title>{`round ${round}, ${name}: ${interval(estimate)}`}</title>
                </circle>
              ))}
            </g>
          );
        })}
        <path
          d={path(silver.map(({ round, value }) => [x(round), y(value)]))}
          stroke="var(--curriculum)"
          stroke-dasharray="4 3"
          fill="none"
          stroke-width={1.8}
        />
        {apart(ends.map((end) => ({ ...end, y: y(end.value) }))).map(({ name, colour, y: at }) => (
          <text key={name} x={width - RIGHT + 8} y={at + 4} style={{ fill: colour }}>
            {name}
          </text>
        ))}
      </svg>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th class="n">round</th>
              {series.map(({ name }) => (
                <th key={name} class="n">
                  {name}
                </th>
              ))}
              <th class="n">blind</th>
              <th class="n">silver</th>
              <th class="n">admitted</th>
            </tr>
          </thead>
          <tbody>
            {evaluations.map(({ event, round, report: { overall } }) => {
              const built = curricula.find((each) => each.round === round);
              return (
                <tr key={event}>
                  <td class="n">
                    <a href={href({ run, screen: "episodes", params: { round: `${round}` } })}>{round}</a>
                  </td>
                  {series.map(({ name, of }) => (
                    <td key={name} class="n" title={interval(overall[of])}>
                      {decimal(overall[of].percent, 1)}
                    </td>
                  ))}
                  <td class="n">{decimal(overall.blind.percent, 1)}</td>
                  <td class="n">
                    {built?.audit?.silverCorrect == null ? "–" : decimal(100 * built.audit.silverCorrect, 1)}
                  </td>
                  <td class="n">{built ? built.admitted : "–"}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </div>
  );
}

type Scale = (value: number) => number;

function path(points: readonly (readonly [number, number])[]): string {
  return points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

function area(
  points: readonly { readonly round: number; readonly estimate: Estimate }[],
  x: Scale,
  y: Scale,
): string {
  const highs = points.map(({ round, estimate }) => [x(round), y(estimate.high)] as const);
  const lows = points.map(({ round, estimate }) => [x(round), y(estimate.low)] as const).reverse();
  return points.length < 2 ? "" : `${path([...highs, ...lows])}Z`;
}

function ticks(last: number): number[] {
  const step = Math.max(1, Math.ceil(last / 12));
  return Array.from({ length: Math.floor(last / step) + 1 }, (_, i) => i * step);
}

/** Labels moved down until none touches another. */
function apart<T extends { readonly y: number }>(labels: readonly T[]): T[] {
  const sorted = [...labels].sort((a, b) => a.y - b.y);
  let least = Number.NEGATIVE_INFINITY;
  return sorted.map((label) => {
    const y = Math.max(label.y, least);
    least = y + 13;
    return { ...label, y };
  });
}
