import * as z from "zod";
import type { RandomStream } from "../../common/random.ts";
import {
  carWidth,
  type Lane,
  type Light,
  type LightColour,
  laneWidth,
  lightColours,
  middleOf,
  type Sky,
  type Standing,
  skies,
  usualGrip,
  type Walker,
  type World,
} from "./world.ts";

/** A scenario: places in metres in front of where the car starts, lanes counted from the right. */
export interface Scenario {
  readonly name: string;
  readonly sky: Sky;
  readonly lanes: number;
  /** Lanes that end, with what blocks them there. */
  readonly laneEnds: readonly { readonly lane: number; readonly at: number }[];
  readonly limits: readonly { readonly from: number; readonly kmh: number }[];
  readonly ego: { readonly lane: number; readonly kmh: number };
  readonly cars: readonly {
    readonly lane: number;
    readonly at: number;
    readonly kmh: number;
    /** What it drives where nothing is in its way; absent: as fast as it begins. */
    readonly wantedKmh?: number | undefined;
    /** It comes into a lane once this car is nearer than `gap` behind it. */
    readonly cutIn?: { readonly lane: number; readonly gap: number } | undefined;
    /** It stops once this car is nearer than this behind it. */
    readonly stopsAt?: number | undefined;
  }[];
  readonly walkers: readonly {
    readonly at: number;
    readonly from: "left" | "right";
    /** Metres per second; 0 for who only stands there. */
    readonly pace: number;
    /** They set out once this car is nearer than this. */
    readonly startsAt: number;
  }[];
  readonly lights: readonly {
    readonly at: number;
    readonly phases: readonly { readonly colour: LightColour; readonly seconds: number }[];
    /** What a light beside it shows that is for others. */
    readonly other?: LightColour | undefined;
  }[];
  readonly parked: readonly { readonly at: number; readonly side: "left" | "right" }[];
  readonly blocks: readonly { readonly at: number; readonly lane: number }[];
  readonly goal: number;
}

const metres = z.number().min(-50).max(2000);
const kmh = z.number().min(0).max(130);
const lane = z.int().min(0).max(3);
const side = z.enum(["left", "right"]);

/** A scenario as it stands in its file; what may be left out has a default. */
export const scenarioForm: z.ZodType<Scenario> = z.strictObject({
  name: z.string().min(1),
  sky: z.enum(skies).default("clear"),
  lanes: z.int().min(1).max(4).default(1),
  laneEnds: z.array(z.strictObject({ lane, at: metres })).default([]),
  limits: z.array(z.strictObject({ from: metres, kmh: kmh.min(10) })).min(1),
  ego: z.strictObject({ lane: lane.default(0), kmh }),
  cars: z
    .array(
      z.strictObject({
        lane,
        at: metres,
        kmh,
        wantedKmh: kmh.optional(),
        cutIn: z.strictObject({ lane, gap: z.number().positive() }).optional(),
        stopsAt: z.number().positive().optional(),
      }),
    )
    .default([]),
  walkers: z
    .array(
      z.strictObject({
        at: metres,
        from: side,
        pace: z.number().min(0).max(5),
        startsAt: z.number().positive(),
      }),
    )
    .default([]),
  lights: z
    .array(
      z.strictObject({
        at: metres,
        phases: z
          .array(z.strictObject({ colour: z.enum(lightColours), seconds: z.number().positive() }))
          .min(1),
        other: z.enum(lightColours).optional(),
      }),
    )
    .default([]),
  parked: z.array(z.strictObject({ at: metres, side })).default([]),
  blocks: z.array(z.strictObject({ at: metres, lane })).default([]),
  goal: z.number().positive().max(2000),
});

/** Where a scenario begins; with a stream, places, paces and speeds are a little otherwise. */
export function worldOf(scenario: Scenario, stream: RandomStream | null = null): World {
  const vary = (value: number, share: number): number =>
    stream === null ? value : value * stream.between(1 - share, 1 + share);
  const { sky, lanes, laneEnds, limits, ego, cars, walkers, lights, parked, blocks, goal } = scenario;
  const ends = Array.from({ length: lanes }, (_, own): Lane => {
    return { end: laneEnds.find((each) => each.lane === own)?.at ?? null };
  });
  const edges = { left: middleOf(lanes - 1) + laneWidth / 2, right: -laneWidth / 2 };
  const outside = (at: "left" | "right", metres: number): number =>
    at === "left" ? edges.left + metres : edges.right - metres;
  const standing: Standing[] = [
    ...parked.map(
      ({ at, side: where }): Standing => ({
        x: vary(at, 0.05),
        y: outside(where, carWidth / 2 + 0.3),
        kind: "parked",
      }),
    ),
    ...blocks.map((each): Standing => ({ x: vary(each.at, 0.05), y: middleOf(each.lane), kind: "block" })),
    ...laneEnds.map((each): Standing => ({ x: each.at + 1, y: middleOf(each.lane), kind: "block" })),
  ];
  return {
    time: 0,
    sky,
    lanes: ends,
    limits: limits.map(({ from, kmh: speed }) => ({ from, speed: speed / 3.6 })),
    ego: {
      x: 0,
      y: middleOf(ego.lane),
      heading: 0,
      speed: vary(ego.kmh / 3.6, 0.08),
      acceleration: 0,
      lane: ego.lane,
    },
    cars: cars.map(({ lane: own, at, kmh: speed, wantedKmh = speed, cutIn, stopsAt }) => ({
      x: vary(at, 0.08),
      y: middleOf(own),
      speed: vary(speed / 3.6, 0.08),
      wanted: vary(wantedKmh / 3.6, 0.08),
      lane: own,
      cutIn: cutIn ?? null,
      stopsAt: stopsAt ?? null,
      isStopping: false,
    })),
    walkers: walkers.map(
      ({ at, from, pace, startsAt }): Walker => ({
        x: vary(at, 0.05),
        y: outside(from, 1.2),
        to: outside(from === "left" ? "right" : "left", 1.2),
        speed: vary(pace, 0.1),
        startsAt: vary(startsAt, 0.1),
        isWalking: false,
      }),
    ),
    lights: lights.map(({ at, phases, other }): Light => ({ x: at, phases, other: other ?? null })),
    standing,
    goal,
    grip: usualGrip(sky),
  };
}
