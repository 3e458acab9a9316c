import { deriveSeed, RandomStream } from "../../common/random.ts";

/** How things that are not there are chosen to be asked about (POPE, 2305.10355). */
export const absences = ["random", "frequent", "adversarial"] as const;
export type Absence = (typeof absences)[number];

/** A thing that one picture is asked about. */
export interface PresenceProbe {
  /** The picture's index. */
  readonly picture: number;
  readonly thing: string;
  /** Why it was chosen: null because it is there, else every way that chose it. */
  readonly absent: readonly Absence[] | null;
}

export interface PresenceOptions {
  /** What each picture shows, [pictures]. */
  readonly shown: readonly (readonly string[])[];
  /** All that may be asked about. */
  readonly things: readonly string[];
  /** Present things that a picture is asked about, and as many absent ones in each way. */
  readonly perPicture: number;
  readonly seed: number;
  /** Whether a thing is easily taken for what is there, which goes before what pictures often show together. */
  isAlike?(thing: string, there: readonly string[]): boolean;
}

/**
 * What the first `count` pictures are asked about: things that are there, and as many that are not, drawn at random, by
 * how many pictures show them, and by how many show them together with what is there. One that several ways choose is
 * asked about once.
 */
export function presenceProbes(count: number, options: PresenceOptions): PresenceProbe[] {
  const { shown, things, perPicture, seed, isAlike } = options;
  const counts = countsOf(shown);
  return shown.slice(0, count).flatMap((there, picture): PresenceProbe[] => {
    const stream = new RandomStream(deriveSeed(seed, "presence", picture));
    const present = stream.shuffle(there).slice(0, perPicture);
    const absent = stream.shuffle(things.filter((thing) => !there.includes(thing)));
    const together = (thing: string) =>
      there.reduce((sum, other) => sum + counts.pair(thing, other) / Math.max(1, counts.of(other)), 0);
    const orders: Record<Absence, (thing: string) => number> = {
      random: () => 0,
      frequent: counts.of,
      adversarial: (thing) => (isAlike?.(thing, there) ? there.length : 0) + together(thing),
    };
    const chosen = new Map<string, Absence[]>();
    for (const way of absences) {
      const ranked = absent.map((thing) => ({ thing, weight: orders[way](thing) }));
      const first = ranked.sort((a, b) => b.weight - a.weight).slice(0, present.length);
      for (const { thing } of first) chosen.set(thing, [...(chosen.get(thing) ?? []), way]);
    }
    return [
      ...present.map((thing) => ({ picture, thing, absent: null })),
      ...[...chosen].map(([thing, ways]) => ({ picture, thing, absent: ways })),
    ];
  });
}

/** How many pictures show a thing, and two of them together. */
function countsOf(shown: readonly (readonly string[])[]) {
  const single = new Map<string, number>();
  const pairs = new Map<string, number>();
  const key = (a: string, b: string) => `${a}\n${b}`;
  const increment = (counts: Map<string, number>, name: string) =>
    counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const things of shown)
    for (const thing of things) {
      increment(single, thing);
      for (const other of things) increment(pairs, key(thing, other));
    }
  return {
    of: (thing: string) => single.get(thing) ?? 0,
    pair: (a: string, b: string) => pairs.get(key(a, b)) ?? 0,
  };
}
