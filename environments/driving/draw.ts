import type { RandomStream } from "../../common/random.ts";
import { type Scenario, scenarioForm } from "./scenario.ts";
import { type LightColour, skies } from "./world.ts";

/** An everyday scenario: a road, with one or two things on it that a driver has to see. */
export function drawScenario(stream: RandomStream): Scenario {
  const lanes = 1 + stream.integer(3);
  const limit = stream.pick([30, 50, 50, 70]);
  const ego = { lane: stream.integer(lanes), kmh: limit * stream.between(0.5, 1) };
  let about: Draft = {};
  const count = 1 + stream.integer(2);
  for (const happens of stream.shuffle(happenings).slice(0, count))
    about = { ...about, ...happens({ stream, lanes, lane: ego.lane, limit, at: stream.between(25, 75) }) };
  const limits = [{ from: -50, kmh: limit }, ...(about.limits ?? [])];
  const sky = stream.uniform() < 0.5 ? "clear" : stream.pick(skies);
  return scenarioForm.parse({
    ...{ name: "drawn", sky, lanes, ego, goal: 400 },
    ...about,
    limits,
  });
}

/** Parts of a scenario, as a file would have them. */
type Draft = Readonly<Record<string, unknown>> & { readonly limits?: readonly object[] };
type Happening = (place: Place) => Draft;

interface Place {
  readonly stream: RandomStream;
  readonly lanes: number;
  readonly lane: number;
  readonly limit: number;
  readonly at: number;
}

const happenings: readonly Happening[] = [
  // A light, anywhere in its cycle.
  ({ stream, at }) => {
    const cycle = [
      ["green", 6],
      ["yellow", 3],
      ["red", 7],
    ] as const;
    const first = stream.integer(3);
    const phases = [0, 1, 2].map((i) => {
      const [colour, seconds] = cycle[(first + i) % 3] as (typeof cycle)[number];
      return { colour: colour as LightColour, seconds: i === 0 ? seconds * stream.between(0.2, 1) : seconds };
    });
    const other = stream.uniform() < 0.3 ? ({ other: "green" } as const) : {};
    return { lights: [{ at: at + 10, phases, ...other }] };
  },
  // Someone crosses, or only stands there.
  ({ stream, at, lanes }) => ({
    walkers: [
      {
        at,
        from: stream.pick(["left", "right"] as const),
        pace: stream.uniform() < 0.25 ? 0 : stream.between(1, 2.2),
        startsAt: stream.between(18, 40) + 3 * lanes,
      },
    ],
    ...(stream.uniform() < 0.5 && { parked: [{ at: at - 4, side: "right" as const }] }),
  }),
  // A slower car in front, which may stop.
  ({ stream, at, lane, limit }) => ({
    cars: [
      {
        ...{ lane, at: at * 0.7, kmh: limit * stream.between(0.2, 0.8) },
        ...(stream.uniform() < 0.4 && { stopsAt: stream.between(15, 35) }),
      },
    ],
  }),
  // A car beside, which may come over.
  ({ stream, lane, lanes, limit }) => {
    const beside = lane + 1 < lanes ? lane + 1 : lane - 1;
    if (beside < 0) return { cars: [{ lane, at: 40, kmh: limit * 0.6 }] };
    const cutIn = stream.uniform() < 0.6 ? { cutIn: { lane, gap: stream.between(9, 22) } } : {};
    return {
      cars: [{ lane: beside, at: stream.between(-15, 30), kmh: limit * stream.between(0.6, 1), ...cutIn }],
    };
  },
  // Something lies in the lane.
  ({ at, lane }) => ({ blocks: [{ at, lane }] }),
  // A row of parked cars.
  ({ stream, at }) => {
    const side = stream.pick(["left", "right"] as const);
    return { parked: [0, 7, 14].map((further) => ({ at: at + further, side })) };
  },
  // A lower limit.
  ({ at }) => ({ limits: [{ from: at, kmh: 30 }] }),
  // Nothing.
  () => ({}),
];
