import type { Histogram } from "../../../replay/survey.ts";
import { brief, plural } from "../../format.ts";
import { spread } from "../../lists.ts";

interface HistogramProps {
  readonly title: string;
  readonly histogram: Histogram;
  /** The address of what lies in a bin. */
  readonly linkTo: (round: number, min: number, max: number) => string;
}

const ROW = 16;
const LABEL = 34;
const WIDTH = 300;
/** Rounds that are shown; of more, the same number spread evenly. */
const SHOWN_ROUNDS = 16;

/** How a figure is spread, a row for each round; a bin leads to the episodes in it. */
export function HistogramRows({ title, histogram: { min, max, rounds }, linkTo }: HistogramProps) {
  if (min === max) {
    return (
      <div class="plot">
        <h3>{title}</h3>
        <p class="quiet">always {brief(min)}</p>
      </div>
    );
  }
  const shown = spread(rounds, SHOWN_ROUNDS);
  const bins = shown[0]?.counts.length ?? 0;
  const width = (WIDTH - LABEL) / Math.max(1, bins);
  const step = (max - min) / Math.max(1, bins) || 0;
  const height = shown.length * ROW;
  return (
    <div class="plot">
      <h3>{title}</h3>
      <svg viewBox={`0 0 ${WIDTH} ${height + 16}`} width="100%" role="group" aria-label={`${title} by round`}>
        {shown.map(({ round, counts }, row) => {
          const most = Math.max(1, ...counts);
          return (
            <g key={round} transform={`translate(0 ${row * ROW})`}>
              <text x={LABEL - 8} y={ROW - 4} text-anchor="end">
                {round}
              </text>
              <line class="axis" x1={LABEL} x2={WIDTH} y1={ROW - 0.5} y2={ROW - 0.5} />
              {counts.map((count, bin) => {
                const low = min + bin * step;
                const high = bin === bins - 1 ? max : low + step;
                const tall = count === 0 ? 0 : Math.max(1.5, ((ROW - 2) * count) / most);
                if (count === 0) return null;
                return (
                  <a
                    key={bin}
                    href={linkTo(round, low, high)}
                    aria-label={`Round ${round}, ${brief(low)} to ${brief(high)}: ${count}`}
                  >
                    <title>{`round ${round}, ${brief(low)} to ${brief(high)}: ${plural(count, "episode")}`}</title>
                    <rect
                      x={LABEL + bin * width + 0.5}
                      y={0}
                      width={Math.max(1, width - 1)}
                      height={ROW}
                      fill="transparent"
                    />
                    <rect
                      x={LABEL + bin * width + 0.5}
                      y={ROW - 1 - tall}
                      width={Math.max(1, width - 1)}
                      height={tall}
                      fill="var(--agree)"
                    />
                  </a>
                );
              })}
            </g>
          );
        })}
        <text x={LABEL} y={height + 13}>
          {brief(min)}
        </text>
        <text x={WIDTH} y={height + 13} text-anchor="end">
          {brief(max)}
        </text>
      </svg>
    </div>
  );
}
