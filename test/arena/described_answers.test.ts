import { describe, expect, test } from "vitest";
import { describingTokens } from "../../arena/described_answers.ts";
import { zip } from "../../common/zip.ts";
import { answerStart } from "../../reasoner/description.ts";
import type { ReasonerEpisode } from "../../replay/events.ts";
import { ofType, playIn } from "../fakes/play.ts";
import type { Script } from "../fakes/policy.ts";
import { makeWorld, smallConfig, type World } from "../fakes/world.ts";

/** Sees a number, mostly 3, and answers with it, mostly; from a description it answers with what that says. */
const script: Script = ({ image, text }, stream) => {
  if (!image) return `<answer> ${text.split(" ")[0]} </answer>`;
  const seen = stream.integer(3) === 0 ? 4 : 3;
  const answer = stream.integer(3) === 0 ? 4 : 3;
  return `<think> ${seen} things </think> <answer> ${answer} </answer>`;
};

const chainOf = (text: string) => /<think> (\d)/.exec(text)?.[1];

async function played(reward: object): Promise<{ episodes: ReasonerEpisode[]; world: World }> {
  const world = { ...makeWorld({ reasoner: { script } }), truth: null };
  const config = smallConfig((change) => {
    Object.assign(change.reasoner.reward, reward);
    change.curriculum.band.low = 0.5;
    change.reasoner.positiveWeight = 0;
  });
  const { events, error } = await playIn(world, config);
  expect(error).toBeUndefined();
  return { episodes: ofType(events, "reasonerEpisode"), world };
}

describe("answers whose descriptions are verified", () => {
  test("earn their agreement only if the label follows from what they say to see", async () => {
    const { episodes } = await played({ verification: "gate" });
    const seen = new Set<string>();
    for (const { label, rollouts } of episodes)
      for (const { text, vote, parts } of rollouts) {
        const follows = chainOf(text) === label;
        expect(parts.description).toBe(Number(follows));
        expect(parts.agreement).toBe(Number(follows && vote === label));
        seen.add(`${follows} ${vote === label}`);
      }
    expect(seen.size).toBe(4);
  });

  test("earn half of it where verification is staged", async () => {
    const { episodes } = await played({ verification: "staged" });
    const rollouts = episodes.flatMap(({ label, rollouts }) => rollouts.map((each) => ({ ...each, label })));
    const agreeing = rollouts.filter(({ vote, label }) => vote === label);
    expect(new Set(agreeing.map(({ parts }) => parts.agreement))).toEqual(new Set([1, 0.5]));
  });

  test("are not asked by default", async () => {
    const { episodes } = await played({});
    for (const { rollouts } of episodes)
      for (const { parts } of rollouts) expect(parts).not.toHaveProperty("description");
  });
});

test("credit by part: what is described takes the advantage of what follows from it, the answer that of the reward", async () => {
  const { episodes, world } = await played({ attribution: "by_part" });
  const groups = world.policies.reasoner.updates.flatMap((update) => update.groups);
  expect(groups.length).toBeGreaterThan(3);
  const taught = episodes.filter(({ rollouts }) => {
    const differ = (values: (number | undefined | null)[]) => new Set(values).size > 1;
    return (
      differ(rollouts.map(({ reward }) => reward)) || differ(rollouts.map(({ parts }) => parts.description))
    );
  });
  expect(groups).toHaveLength(taught.length);
  for (const [{ rollouts }, episode] of zip(groups, taught)) {
    const ofDescription = rollouts.map(({ advantage }) => (advantage as Float32Array)[0] as number);
    for (const [i, { advantage, completion }] of rollouts.entries()) {
      const { parts, advantage: whole } = episode.rollouts[i] as ReasonerEpisode["rollouts"][number];
      // <think> n things </think> is four words, <answer> n </answer> three.
      expect([...(advantage as Float32Array)]).toEqual([
        ...new Array(4).fill(ofDescription[i]),
        ...new Array(completion.tokens.length - 4).fill(Math.fround(whole)),
      ]);
      const mean = episode.rollouts.reduce((sum, each) => sum + (each.parts.description ?? 0), 0);
      const above = (parts.description as number) - mean / rollouts.length;
      expect(Math.sign(ofDescription[i] as number)).toBe(Math.sign(Math.abs(above) < 1e-9 ? 0 : above));
    }
    expect(ofDescription.reduce((sum, each) => sum + each, 0)).toBeCloseTo(0, 5);
  }
});

test.each([
  ["<think> a b </think> <answer> 3 </answer>", 21],
  ["<answer> 1 </answer> no: <answer> 3 </answer>", 25],
  ["so it is \\boxed{3}", 9],
  ["three things\nAnswer: 3", 12],
  ["nothing is answered", 19],
])("the answer of %j begins at %i", (text, start) => {
  expect(answerStart(text)).toBe(start);
});

test("without an answer all tokens describe", () => {
  const encode = () => new Int32Array(9);
  expect(describingTokens({ text: "what", tokens: new Int32Array(4) }, encode)).toBe(4);
  expect(describingTokens({ text: "a <answer> b", tokens: new Int32Array(4) }, encode)).toBe(4);
});
