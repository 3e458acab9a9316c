import type { FunctionTool, ToolCall } from "../../common/tool_call.ts";

type Parts = Readonly<Record<string, number>>;

/** A part of a message: text, or an image by the name of its content. */
export type MessagePart = string | { readonly image: string };

/** A turn of a conversation. */
export interface Message {
  readonly role: string;
  /** Without the call, where it ends with one that could be read. */
  readonly parts: readonly MessagePart[];
  /** The call of a tool that it ends with; null for none. */
  readonly call: ToolCall | null;
  /** What became of it where the policy said it; null for what it read. */
  readonly act: Act | null;
}

/** What a turn of the policy earned, before weighting, and the call of a tool that it was, with what was wrong with it. */
export interface Act {
  readonly parts: Parts;
  readonly call: { readonly tool: string; readonly fault: string | null } | null;
  /** Of its tokens; null where they have the trajectory's. */
  readonly advantage: number | null;
}

/** How a trajectory ended: as the environment wants it or otherwise, with no turn left, or by a fault. */
export const trajectoryEnds = ["success", "done", "turns", "fault"] as const;
export type TrajectoryEnd = (typeof trajectoryEnds)[number];

/** A trajectory that a run recorded, as a conversation, and where the replay has it. */
export interface Trajectory {
  /** The run's name. */
  readonly run: string;
  readonly episode: number;
  readonly rollout: number;
  readonly stage: string;
  readonly phase: string;
  readonly round: number;
  readonly step: number;
  readonly question: string;
  /** Null where nobody says what is right. */
  readonly label: string | null;
  /** From what the policy read first to what it said last. */
  readonly messages: readonly Message[];
  /** Tools that a chat template is to tell of; null where there were none, or the messages do it in somebody's own words. */
  readonly tools: readonly FunctionTool[] | null;
  /** Null where nobody could judge. */
  readonly reward: number | null;
  /** Of all its turns, before weighting. */
  readonly parts: Parts;
  readonly advantage: number;
  readonly end: TrajectoryEnd;
  readonly fault: { readonly kind: string; readonly reason: string } | null;
  /** In which of the policy's turns, from 0, it began to fail, and how; null where it did not, or nobody said. */
  readonly failure: { readonly turn: number; readonly kind: string } | null;
  /** Paths of the images in its messages, in order; null for one that the run has not kept. */
  readonly images: readonly { readonly id: string; readonly file: string | null }[];
}

/** Which trajectories are exported. */
export interface TrajectorySelection {
  readonly ends: readonly TrajectoryEnd[];
  /** Bounds of the reward, both included; null does not restrict. */
  readonly reward: { readonly min?: number | undefined; readonly max?: number | undefined } | null;
}

/** What some readers take for the place of a picture, wherever it stands. */
export const imageTag = "<image>";

/** Why a trajectory is left out; null where it is not. `tagged` says that a reader takes pictures by tags in the text. */
export function whyLeftOut(
  { end, reward, images, messages }: Trajectory,
  selection: TrajectorySelection,
  tagged: boolean,
): string | null {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = selection.reward ?? {};
  if (!selection.ends.includes(end)) return "end";
  if (selection.reward && !(reward !== null && reward >= min && reward <= max)) return "reward";
  if (images.some(({ file }) => file === null)) return "image not kept";
  const texts = messages.flatMap(({ parts, call }) => [
    ...parts.filter((part) => typeof part === "string"),
    ...(call ? [JSON.stringify(call)] : []),
  ]);
  return tagged && texts.some((text) => text.includes(imageTag)) ? `says ${imageTag}` : null;
}
