import { writtenIn } from "../../reasoner/written.ts";
import { type Decision, decisions } from "./control.ts";
import { type Sensed, sides, things } from "./sensors.ts";
import { lightColours, skies } from "./world.ts";

/** Of distances: below so many metres. */
const distances = [
  ["close", 10],
  ["near", 22],
  ["far", Number.POSITIVE_INFINITY],
] as const;

/** What is described of a scene, in this order, each after its name. */
const topics = ["sky", "light", "ahead", "beside"] as const;
type Topic = (typeof topics)[number];
/** What is said under each topic. */
type Facts = Readonly<Record<Topic, string>>;

function factsOf({ sky, light, ahead, beside }: Pick<Sensed, Topic>): Facts {
  return {
    sky,
    light: light ? `${light.colour} ${distanceWord(light.distance)}` : "none",
    ahead: ahead ? `${ahead.kind} ${distanceWord(ahead.distance)}` : "clear",
    beside,
  };
}

function distanceWord(metres: number): string {
  return distances.find(([, below]) => metres < below)?.[0] ?? "far";
}

/** A scene in words: "sky night light red near ahead car close beside clear". */
export function describe(sensed: Pick<Sensed, Topic>): string {
  const facts = factsOf(sensed);
  return topics.map((topic) => `${topic} ${facts[topic]}`).join(" ");
}

/** The share of what is to be described that a description says as the sensors do, 0 to 1: a fact is right as a whole. */
export function matching(text: string, sensed: Pick<Sensed, Topic>): number {
  const said = factsIn(writtenIn(text).chain);
  const facts = factsOf(sensed);
  return topics.filter((topic) => said[topic] === facts[topic]).length / topics.length;
}

/** What a description says under each topic; said twice, nothing. */
function factsIn(description: string): Partial<Facts> {
  const words = description.split(/\s+/);
  const places = topics.map((topic) => words.indexOf(topic));
  const ends = [...places.slice(1), words.length];
  return Object.fromEntries(
    topics.flatMap((topic, i) => {
      const [from, to] = [places[i] as number, ends[i] as number];
      return from < 0 || to < from || words.lastIndexOf(topic) !== from
        ? []
        : [[topic, words.slice(from + 1, to).join(" ")]];
    }),
  );
}

/** What is asked beside the picture: "speed 4 limit 5 left free right none", speeds in tens of km/h. */
export function question({ speed, limit, left, right }: Sensed): string {
  return `speed ${tens(speed)} limit ${tens(limit)} left ${left} right ${right} drive .`;
}

function tens(metresPerSecond: number): number {
  return Math.round((3.6 * metresPerSecond) / 10);
}

/** A whole reply. */
export function reply(sensed: Sensed, decision: Decision): string {
  return `<think> ${describe(sensed)} </think> <answer> ${decision} </answer>`;
}

/** The decision in a reply; null where none can be read. */
export function decisionIn(text: string, truncated = false): Decision | null {
  const answer = writtenIn(text, truncated).answer?.trim();
  return decisions.find((decision) => decision === answer) ?? null;
}

/** Every word of questions and replies. */
export const drivingWords: readonly string[] = [
  ...["speed", "limit", "left", "right", "drive", "."],
  ...Array.from({ length: 16 }, (_, number) => String(number)),
  ...topics,
  ...skies,
  ...lightColours,
  ...things,
  ...["parked", "none", "clear"],
  ...sides,
  ...distances.map(([word]) => word),
  ...decisions,
].filter((word, index, all) => all.indexOf(word) === index);
