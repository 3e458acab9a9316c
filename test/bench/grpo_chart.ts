import { type Curve, type Curves, type Trainer, trainers } from "../../bench/easy_vqa/curves.ts";
import { ink, line, svg, text } from "./svg.ts";

const panel = { width: 320, height: 150, gap: 70, left: 56, top: 44 };
const colours: Readonly<Record<Trainer, string>> = { visplay: ink.own, trl: ink.best };
/** Steps over which rewards are averaged, for those of one step are noise. */
const together = 5;

/** Where a value was measured: after how many steps, and how many seconds of them. */
interface Point {
  readonly step: number;
  readonly seconds: number;
  /** Percent. */
  readonly value: number;
}

/** Rewards and accuracy of plain GRPO by steps and by time, each seed of both trainers and their mean, as an SVG picture. */
export function grpoChart(curves: Curves): string {
  const width = panel.left + 2 * panel.width + panel.gap + 20;
  const height = panel.top + 2 * (panel.height + panel.gap) + 10;
  const rows = [
    ["right answers among the samples", rewardPoints],
    ["right greedy answers to test questions", accuracyPoints],
  ] as const;
  const drawn = rows.flatMap(([title, pointsOf], row) =>
    (["step", "seconds"] as const).map((along, column) => {
      const x = panel.left + column * (panel.width + panel.gap);
      const y = panel.top + row * (panel.height + panel.gap);
      return `<g transform="translate(${x} ${y})">\n${drawPanel(curves, title, pointsOf, along)}\n</g>`;
    }),
  );
  return svg(width, height, "Plain GRPO on easy-vqa beside TRL's", [...drawn, legend(height - 12)]);
}

function drawPanel(
  curves: Curves,
  title: string,
  pointsOf: (curve: Curve) => Point[],
  along: "step" | "seconds",
): string {
  const all = trainers.flatMap((trainer) => curves[trainer]);
  const values = all.flatMap(pointsOf).map(({ value }) => value);
  const [lowest, highest] = [Math.floor(Math.min(...values)), Math.ceil(Math.max(...values))];
  const last = Math.max(...all.map(({ seconds }) => (along === "step" ? seconds.length : sum(seconds))));
  const at = (point: Point): [number, number] => [
    (point[along] / last) * panel.width,
    ((highest - point.value) / (highest - lowest)) * panel.height,
  ];
  const drawn = trainers.flatMap((trainer) => {
    const each = curves[trainer].map(pointsOf);
    const style = `stroke="${colours[trainer]}"`;
    return [
      ...each.map((of) => line(of.map(at), `${style} stroke-opacity="0.3"`)),
      line(meanOf(each).map(at), `${style} stroke-width="2.5"`),
    ];
  });
  const quiet = `fill="${ink.quiet}"`;
  const unit = along === "step" ? "steps" : "s";
  return [
    text(panel.width / 2, -14, `${title}, by ${along === "step" ? "steps" : "time"}`, `text-anchor="middle"`),
    ...[lowest, (lowest + highest) / 2, highest].flatMap((value) => {
      const y = ((highest - value) / (highest - lowest)) * panel.height;
      const grid = line(
        [
          [0, y],
          [panel.width, y],
        ],
        `stroke="${ink.grid}"`,
      );
      return [grid, text(-8, y + 4, `${value}%`, `text-anchor="end" ${quiet}`)];
    }),
    ...drawn,
    text(0, panel.height + 18, "0", quiet),
    text(panel.width, panel.height + 18, `${Math.round(last)} ${unit}`, `text-anchor="end" ${quiet}`),
  ].join("\n");
}

function rewardPoints({ rewards, seconds }: Curve): Point[] {
  const starts = Array.from({ length: Math.floor(rewards.length / together) }, (_, i) => i * together);
  return starts.map((start) => ({
    step: start + together / 2,
    seconds: sum(seconds.slice(0, start)) + sum(seconds.slice(start, start + together)) / 2,
    value: (100 * sum(rewards.slice(start, start + together))) / together,
  }));
}

function accuracyPoints({ accuracy, seconds }: Curve): Point[] {
  return accuracy.map(({ step, greedy }) => ({ step, seconds: sum(seconds.slice(0, step)), value: greedy }));
}

/** Point by point over the seeds. */
function meanOf(seeds: readonly (readonly Point[])[]): Point[] {
  const [first = []] = seeds;
  const mean = (i: number, of: keyof Point) =>
    sum(seeds.map((points) => points[i]?.[of] ?? 0)) / seeds.length;
  return first.map((_, i) => ({
    step: mean(i, "step"),
    seconds: mean(i, "seconds"),
    value: mean(i, "value"),
  }));
}

function legend(y: number): string {
  return trainers
    .map((trainer, i) => {
      const x = panel.left + i * 230;
      const stroke = line(
        [
          [x, y - 4],
          [x + 28, y - 4],
        ],
        `stroke="${colours[trainer]}" stroke-width="2.5"`,
      );
      const name = trainer === "trl" ? "TRL" : trainer;
      return `${stroke}\n${text(x + 36, y, `${name}, mean of the seeds`, `fill="${ink.quiet}"`)}`;
    })
    .join("\n");
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
