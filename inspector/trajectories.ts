import type { ReasonerRollout, SpokenTurn, ToolsRecord, TrajectoryRecord } from "../replay/events.ts";
import { partsText, signed, visible } from "./format.ts";

/**
 * A turn of the policy, by its place from 0: the tool that it called, why something else was done than it says, what that violated,
 * what it earned, and an advantage of its own.
 */
export function turnTitle(
  place: number,
  { call, parts, advantage, costs = {}, veto }: Omit<SpokenTurn, "text">,
): string {
  const own = advantage === null ? [] : [`advantage ${signed(advantage)}`];
  const broken = Object.entries(costs).filter(([, cost]) => cost > 0);
  return [
    `turn ${place + 1}`,
    ...(call ? [callText(call)] : []),
    ...(veto ? [`not done, ${visible(veto.reason)}: ${visible(veto.detail)}`] : []),
    ...(broken.length > 0 ? [`violates ${partsText(Object.fromEntries(broken)).join(", ")}`] : []),
    ...partsText(parts),
    ...own,
  ].join(" · ");
}

/** What could be called, and how the policy was told of it. */
export function toolsText({ functions, told }: ToolsRecord): string {
  const teller = {
    template: "by its chat template",
    usualWords: "in the prompt",
    ownWords: "in your own words",
  };
  return `tools, told ${teller[told]}: ${functions.map((tool) => visible(tool.function.name)).join(", ")}`;
}

function callText({ tool, fault }: NonNullable<SpokenTurn["call"]>): string {
  const called = tool === "" ? "a call that cannot be read" : `calls ${visible(tool)}`;
  return fault === null ? called : `${called}, ${visible(fault)}`;
}

/** What went wrong, for people; null where nothing did. */
export function faultText({ fault }: Pick<TrajectoryRecord, "fault">): string | null {
  return fault && `fault, ${fault.kind}: ${fault.reason}`;
}

/** In which turn a trajectory began to fail, and how, for people; null where it did not, or nobody said. */
export function failureText({ failure }: Pick<TrajectoryRecord, "failure">): string | null {
  return failure && `failed from turn ${failure.turn + 1} on: ${beginnings[failure.kind] ?? failure.kind}`;
}

const beginnings: Readonly<Record<string, string>> = {
  description: "a wrong description of the picture",
  call: "a wrong call",
  use: "a wrong use of what a tool answered",
  answer: "a wrong answer, without a call that went well",
};

type Parts = Readonly<Record<string, number>>;

/** What the turns of a trajectory earned together, and whether that is what was recorded. */
export interface Earned {
  /** By name, in the order in which they were earned first. */
  readonly sums: Parts;
  readonly addsUp: boolean;
}

/** Sums are recorded as they were computed; only the order of additions may differ. */
const TOLERANCE = 1e-9;

/** Adds up what the turns of a trajectory earned. Where nobody could judge it, nothing was recorded. */
export function earnedIn(
  { turns }: Pick<TrajectoryRecord, "turns">,
  { parts, reward }: Pick<ReasonerRollout, "parts" | "reward">,
): Earned {
  const sums: Record<string, number> = {};
  for (const [name, value] of turns.flatMap((turn) => Object.entries(turn.parts)))
    sums[name] = (sums[name] ?? 0) + value;
  const names = new Set([...Object.keys(sums), ...Object.keys(parts)]);
  const isSame = [...names].every((name) => Math.abs((sums[name] ?? 0) - (parts[name] ?? 0)) <= TOLERANCE);
  return { sums, addsUp: reward === null || isSame };
}
