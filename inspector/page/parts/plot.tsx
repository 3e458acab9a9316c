import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { brief } from "../../format.ts";

export interface Line {
  readonly name: string;
  /** A name of a colour in style.css. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
}

interface PlotProps {
  readonly title: string;
  /** [points] */
  readonly x: readonly number[];
  readonly lines: readonly Line[];
  /** What stands at a point of the x axis, for the reading beside the title. */
  readonly place: (index: number) => string;
  readonly onPick?: (index: number) => void;
  readonly height?: number;
}

/** Lines over many points; a click opens what lies behind one. */
export function Plot({ title, x, lines, place, onPick, height = 130 }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const reading = useRef<HTMLSpanElement>(null);
  const last = lines.map(({ values }) => values.findLast((value) => value !== null) ?? null);
  useEffect(() => {
    const element = box.current as HTMLDivElement;
    let plot: uPlot | undefined;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(
        options({ element, lines, height, onPick, onCursor: (index) => read(reading.current, index) }),
        [
          [...x],
          ...lines.flatMap(({ values }) =>
            isDense(values) ? [[...values], trendOf(values)] : [[...values]],
          ),
        ],
        element,
      );
    };
    const read = (target: HTMLSpanElement | null, index: number | null | undefined) => {
      if (!target) return;
      target.textContent =
        index === null || index === undefined
          ? last.map(brief).join(" · ")
          : `${place(index)}: ${lines.map(({ values }) => brief(values[index])).join(" · ")}`;
    };
    draw();
    const resized = new ResizeObserver(draw);
    resized.observe(element);
    addEventListener("themechange", draw);
    return () => {
      resized.disconnect();
      removeEventListener("themechange", draw);
      plot?.destroy();
    };
  }, [x, lines]);
  return (
    <div class="plot">
      <h3>
        {title}
        <span class="quiet" ref={reading}>
          {last.map(brief).join(" · ")}
        </span>
      </h3>
      <div
        ref={box}
        style={{ height: `${height}px` }}
        role="img"
        aria-label={`${title}; last ${last.map(brief).join(", ")}`}
      />
    </div>
  );
}

function options({
  element,
  lines,
  height,
  onPick,
  onCursor,
}: {
  readonly element: HTMLElement;
  readonly lines: readonly Line[];
  readonly height: number;
  readonly onPick: ((index: number) => void) | undefined;
  readonly onCursor: (index: number | null | undefined) => void;
}): uPlot.Options {
  // A canvas knows no variables: what one comes to is asked of an element.
  const colour = (name: string) => {
    element.style.color = `var(--${name})`;
    return getComputedStyle(element).color;
  };
  const axis = {
    stroke: colour("quiet"),
    grid: { stroke: colour("rule"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui",
  };
  return {
    width: element.clientWidth || 280,
    height,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: true, y: false } },
    scales: { x: { time: false }, y: { range: (_, min, max) => rangeOf(min, max) } },
    axes: [
      { ...axis, size: 22, space: 60, grid: { show: false }, incrs: wholeSteps },
      {
        ...axis,
        size: (_, values) => Math.max(46, ...(values ?? []).map((text) => 10 + LETTER * text.length)),
        space: 30,
        values: (_, values) => values.map((value) => brief(Number(value.toPrecision(6)))),
      },
    ],
    series: [
      {},
      ...lines.flatMap(({ name, colour: own, values }) => {
        const line = { label: name, stroke: colour(own), width: 1.5, spanGaps: true };
        if (isDense(values)) {
          const raw = { ...line, stroke: `color-mix(in srgb, ${colour(own)} 28%, transparent)`, width: 1 };
          return [
            { ...raw, points: { show: false } },
            { ...line, points: { show: false } },
          ];
        }
        return [{ ...line, points: { show: values.length < 40, size: 4, fill: colour(own) } }];
      }),
    ],
    hooks: {
      setCursor: [(plot) => onCursor(plot.cursor.idx)],
      ready: [
        (plot) => {
          plot.over.addEventListener("click", () => {
            if (plot.cursor.idx !== null && plot.cursor.idx !== undefined) onPick?.(plot.cursor.idx);
          });
        },
      ],
    },
  };
}

/** Width of a digit at the axes, pixels. */
const LETTER = 6.2;

/** Rounds and steps are whole numbers: 1, 2, 5, 10, … */
const wholeSteps = Array.from(
  { length: 27 },
  (_, i) => ([1, 2, 5][i % 3] as number) * 10 ** Math.floor(i / 3),
);

/** A little more than the values; a line that is level stands in the middle. */
function rangeOf(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1];
  const margin = min === max ? Math.max(0.5, Math.abs(min) / 10) : (max - min) * 0.08;
  return [min - margin, max + margin];
}

/** Values of more steps than this are shown pale, with their trend. */
const DENSE = 120;

function isDense(values: Line["values"]): boolean {
  return values.filter((value) => value !== null).length > DENSE;
}

/** The mean of the values around each, over a fortieth of all. */
function trendOf(values: Line["values"]): (number | null)[] {
  const known = values.flatMap((value, at) => (value === null ? [] : [{ value, at }]));
  const half = Math.max(1, Math.floor(known.length / 80));
  const trend = values.map((): number | null => null);
  let sum = 0;
  let count = 0;
  for (let i = -half; i < known.length; i++) {
    const entering = known[i + half];
    const leaving = known[i - half - 1];
    if (entering) {
      sum += entering.value;
      count++;
    }
    if (leaving) {
      sum -= leaving.value;
      count--;
    }
    const own = known[i];
    if (own) trend[own.at] = sum / count;
  }
  return trend;
}
