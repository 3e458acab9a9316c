import {
  ceiling,
  gainOf,
  type LearningReport,
  type Measure,
  mean,
  type Play,
  playsOf,
} from "../../bench/learning_report.ts";
import { ink, line, svg, text } from "./svg.ts";

/** What the picture shows, a panel each. */
const panels: readonly (readonly [Measure, string])[] = [
  ["greedy", "greedy"],
  ["mean8", "mean@8, T = 1"],
  ["mean8_t06", "mean@8, T = 0.6"],
  ["maj8", "maj@8"],
  ["pass8", "pass@8"],
];
const [lowest, highest, gridStep] = [70, 100, 5];
const panel = { width: 150, height: 180, gap: 24, left: 52, top: 52 };

/** Accuracy by round as an SVG picture: a panel for each measure, with every seed, their mean, and that of true labels. */
export function learningChart(report: LearningReport): string {
  const width = panel.left + panels.length * (panel.width + panel.gap);
  const height = panel.top + panel.height + 62;
  const drawn = panels.map(([measure, title], i) => {
    const x = panel.left + i * (panel.width + panel.gap);
    return `<g transform="translate(${x} ${panel.top})">\n${drawPanel(report, measure, title)}\n</g>`;
  });
  const title = "Accuracy on held-out scenes by round of self-play";
  return svg(width, height, title, [...drawn, axis(), legend(height - 14)]);
}

function drawPanel(report: LearningReport, measure: Measure, title: string): string {
  const gain = mean(report.seeds.map((play) => gainOf(play, measure))) ?? Number.NaN;
  const own = meanByRound(report.seeds, measure);
  const last = own.length - 1;
  return [
    text(panel.width / 2, -30, title, `text-anchor="middle" font-weight="600"`),
    text(panel.width / 2, -12, signed(gain), `text-anchor="middle" fill="${ink.own}"`),
    ...ticks().map((y) => line([at(0, y), at(1, y)], `stroke="${ink.grid}"`)),
    ...own.map((_, round) => roundLabel(round, last)),
    curve(
      meanByRound(playsOf(report, ceiling), measure),
      `stroke="${ink.best}" stroke-width="1.5" stroke-dasharray="4 3"`,
    ),
    ...report.seeds.map((play) =>
      curve(meanByRound([play], measure), `stroke="${ink.own}" stroke-opacity="0.35"`),
    ),
    curve(own, `stroke="${ink.own}" stroke-width="2.5"`),
  ].join("\n");
}

function roundLabel(round: number, last: number): string {
  const anchor = round === 0 ? "start" : round === last ? "end" : "middle";
  const [x] = at(round / last, lowest);
  const name = round === 0 ? "base" : `${round}`;
  return text(x, panel.height + 18, name, `text-anchor="${anchor}" fill="${ink.quiet}"`);
}

/** Of each round, the base first; over the plays given. */
function meanByRound(plays: readonly Play[], measure: Measure): number[] {
  const rounds = [...Array(Math.max(0, ...plays.map((play) => play.rounds.length + 1))).keys()];
  return rounds.map((i) => {
    const scores = plays.map(({ base, rounds }) => (i === 0 ? base : rounds[i - 1])?.[measure]);
    return mean(scores) ?? Number.NaN;
  });
}

function axis(): string {
  return ticks()
    .map((value) => {
      const y = panel.top + at(0, value)[1] + 4;
      return text(panel.left - 10, y, `${value}%`, `text-anchor="end" fill="${ink.quiet}"`);
    })
    .join("\n");
}

function legend(y: number): string {
  const entries = [
    ["self-play, mean of the seeds", `stroke="${ink.own}" stroke-width="2.5"`],
    ["one seed", `stroke="${ink.own}" stroke-opacity="0.35"`],
    ["true labels, mean", `stroke="${ink.best}" stroke-width="1.5" stroke-dasharray="4 3"`],
  ] as const;
  return entries
    .map(([name, style], i) => {
      const x = panel.left + i * 230;
      return `${line(
        [
          [x, y - 4],
          [x + 28, y - 4],
        ],
        style,
      )}\n${text(x + 36, y, name, `fill="${ink.quiet}"`)}`;
    })
    .join("\n");
}

function ticks(): number[] {
  return [...Array((highest - lowest) / gridStep + 1).keys()].map((i) => lowest + i * gridStep);
}

function curve(values: readonly number[], style: string): string {
  return line(
    values.map((value, i) => at(i / (values.length - 1), value)),
    style,
  );
}

/** Where a share of the width and an accuracy lie in a panel. */
function at(share: number, value: number): [number, number] {
  const y = ((highest - value) / (highest - lowest)) * panel.height;
  return [share * panel.width, y];
}

function signed(points: number): string {
  return `${points < 0 ? "−" : "+"}${Math.abs(points).toFixed(1)} points`;
}
