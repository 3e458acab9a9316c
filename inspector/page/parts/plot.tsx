import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { brief } from "../format.ts";

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
        [[...x], ...lines.map(({ values }) => [...values])],
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
  const colour = (name: string) =>
    getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
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
    scales: { x: { time: false } },
    axes: [
      { ...axis, size: 22, space: 60, grid: { show: false } },
      {
        ...axis,
        size: 46,
        space: 30,
        values: (_, values) => values.map((value) => brief(Number(value.toPrecision(6)))),
      },
    ],
    series: [
      {},
      ...lines.map(({ name, colour: own, values }) => ({
        label: name,
        stroke: colour(own),
        width: 1.5,
        spanGaps: true,
        points: { show: values.length < 40, size: 4, fill: colour(own) },
      })),
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
