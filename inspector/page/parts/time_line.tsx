import type { Mark, Overview, PhaseSpan } from "../../answers.ts";
import { duration, moment, plural, visible } from "../../format.ts";
import { href } from "../address.ts";
import { useWidth } from "../width.ts";

/** Until the real one is known, pixels. */
const WIDTH = 1000;
const LANE = 22;
const TOP = 20;

/** Attempts that have a lane of their own; more follow each other in one. */
const MOST_LANES = 6;

const colours: Readonly<Record<string, string>> = {
  questioner: "var(--question)",
  curriculum: "var(--curriculum)",
  reasoner: "var(--answer)",
};

/** Rounds and phases as they were played, a lane for each of few attempts; what a resume has superseded is pale. */
export function TimeLine({
  run,
  overview: { spans, marks, line },
}: {
  readonly run: string;
  readonly overview: Overview;
}) {
  const [box, width] = useWidth<HTMLDivElement>(WIDTH);
  const from = line.about?.startedMs ?? 0;
  const to = Math.max(line.about?.lastMs ?? 0, ...spans.map(({ endedMs }) => endedMs ?? 0), from + 1);
  const attempts = [...new Set([...spans, ...marks].map(({ attempt }) => attempt))].sort((a, b) => a - b);
  const x = (ms: number) => ((ms - from) / (to - from)) * width;
  const lanes = attempts.length <= MOST_LANES ? attempts.length : 1;
  const lane = (attempt: number) => TOP + (attempts.indexOf(attempt) % lanes) * (LANE + 4);
  const height = TOP + lanes * (LANE + 4) + 18;
  const counted = spans.filter(({ superseded }) => !superseded);
  const rounds = counted.filter(({ round }, i) => counted.findIndex((span) => span.round === round) === i);
  return (
    <>
      <div ref={box}>
        <svg
          viewBox={`0 0 ${width} ${height}`}
          width="100%"
          style={{ display: "block" }}
          role="group"
          aria-label="Time line of the run"
        >
          {thinned(rounds, x).map(({ round, startedMs }, i) => (
            <text key={round} x={x(startedMs)} y={12}>
              {i === 0 ? `round ${round}` : round}
            </text>
          ))}
          {spans.map((span) => (
            <Span key={span.event} span={span} run={run} x={x} y={lane(span.attempt)} to={to} />
          ))}
          {marks.map((mark) => (
            <MarkSign key={mark.event} mark={mark} run={run} x={x(mark.atMs)} y={lane(mark.attempt)} />
          ))}
          <text x={0} y={height - 4}>
            {moment(from)}
          </text>
          <text x={width} y={height - 4} text-anchor="end">
            {duration(to - from)} later
          </text>
        </svg>
      </div>
      <p class="legend">
        <span>
          <i style={{ background: "var(--question)" }} />
          Questioner learns
        </span>
        <span>
          <i style={{ background: "var(--curriculum)" }} />
          curriculum
        </span>
        <span>
          <i style={{ background: "var(--answer)" }} />
          Reasoner learns
        </span>
        <span>
          <i style={{ background: "var(--other)" }} />
          other
        </span>
        <span>pale: superseded by a resume</span>
        <span>▲ alarm</span>
        <span>| checkpoint</span>
        {attempts.length > 1 && (
          <span>
            {plural(attempts.length, "attempt")}, {lanes > 1 ? "one lane each" : "one after the other"}
          </span>
        )}
      </p>
    </>
  );
}

function Span({
  span: { round, phase, startedMs, endedMs, superseded, steps },
  run,
  x,
  y,
  to,
}: {
  readonly span: PhaseSpan;
  readonly run: string;
  readonly x: (ms: number) => number;
  readonly y: number;
  readonly to: number;
}) {
  const text = `round ${round}, ${phase}: ${plural(steps, "step")}, ${duration((endedMs ?? to) - startedMs)}${superseded ? ", superseded" : ""}`;
  const params = { phase, round: `${round}`, ...(superseded && { superseded: "only" }) };
  return (
    <a href={href({ run, screen: "episodes", params })} aria-label={text}>
      <title>{text}</title>
      <rect
        x={x(startedMs)}
        y={y}
        width={Math.max(1, x(endedMs ?? to) - x(startedMs) - 0.5)}
        height={LANE}
        fill={colours[phase] ?? "var(--other)"}
        opacity={superseded ? 0.3 : 1}
      />
    </a>
  );
}

function MarkSign({
  mark,
  run,
  x,
  y,
}: {
  readonly mark: Mark;
  readonly run: string;
  readonly x: number;
  readonly y: number;
}) {
  const { kind, text, round, phase } = mark;
  const said = visible(text);
  if (kind === "checkpoint") {
    return (
      <line x1={x} x2={x} y1={y + LANE - 5} y2={y + LANE} stroke="var(--ground)" stroke-width={1}>
        <title>{said}</title>
      </line>
    );
  }
  if (kind === "alarm" || kind === "empty" || kind === "failed") {
    const params = { ...(phase && { phase }), ...(round !== null && { round: `${round}` }) };
    return (
      <a href={href({ run, screen: "episodes", params })} aria-label={`${kind}: ${said}`}>
        <title>{said}</title>
        <path d={`M${x} ${y - 2} l-6 -9 h12 z`} transform={`rotate(180 ${x} ${y - 6})`} fill="var(--bad)" />
      </a>
    );
  }
  return (
    <g>
      <title>{said}</title>
      <line x1={x} x2={x} y1={y - 4} y2={y + LANE + 4} stroke="var(--text)" stroke-width={1} />
    </g>
  );
}

/** Labels that do not touch, of which the first says what they are; what was before the first round has none. */
function thinned(rounds: readonly PhaseSpan[], x: (ms: number) => number): PhaseSpan[] {
  const kept: PhaseSpan[] = [];
  for (const span of rounds.filter(({ round }) => round > 0)) {
    const last = kept.at(-1);
    const room = kept.length === 1 ? 56 : 24;
    if (!last || x(span.startedMs) - x(last.startedMs) > room) kept.push(span);
  }
  return kept;
}
