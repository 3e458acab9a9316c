import { expect, test } from "vitest";
import { zip } from "../../common/zip.ts";
import type { ReasonerEpisode } from "../../replay/events.ts";
import { ofType } from "../fakes/play.ts";
import { FakePolicy, type Script } from "../fakes/policy.ts";
import { evaluatedWorld, grpo, played } from "../fakes/stages.ts";
import { reasonerScript, smallConfig } from "../fakes/world.ts";

/** Sees a number, mostly the right one, and answers with it or with another; from a description it answers with what that says. */
const script: Script = (prompt, stream, version) => {
  const { image, text } = prompt;
  if (!image) return `<answer> ${/^(\d+)/.exec(text)?.[1] ?? "none"} </answer>`;
  if (text.startsWith("describe")) return "<think> 3 dots </think> <answer> done </answer>";
  const said = /<answer> (\d+)/.exec(reasonerScript(prompt, stream, version))?.[1] ?? "0";
  const seen = stream.integer(3) === 0 ? "1" : said;
  return `<think> ${seen} dots </think> <answer> ${said} </answer>`;
};

async function taught(
  stage: object,
  share = 0,
): Promise<{ episodes: ReasonerEpisode[]; reasoner: FakePolicy }> {
  const config = smallConfig((change) => {
    Object.assign(change, { stages: [{ ...grpo, samplingCalls: 1, ...stage }] });
    Object.assign(change.attribution, { share });
    change.evaluation.questions = 0;
  });
  const world = evaluatedWorld();
  const reasoner = new FakePolicy({ script, time: world.time });
  const environments = [world.environments[1] ?? null];
  const policies = { ...world.policies, reasoner };
  const { events, error } = await played(config, { ...world, policies, environments, evaluate: null });
  expect(error).toBeUndefined();
  return { episodes: ofType(events, "reasonerEpisode"), reasoner };
}

const seenIn = (text: string) => /<think> (\d+)/.exec(text)?.[1];
const answersOf = (episodes: readonly ReasonerEpisode[]) =>
  episodes.flatMap(({ label, rollouts }) => rollouts.map((each) => ({ ...each, label })));

test.each([
  ["gate", 0],
  ["staged", 0.5],
] as const)(
  "where verification is %s, a right answer that does not follow from its chain earns %d",
  async (verification, earned) => {
    const { episodes } = await taught({ verification });
    const outcomes = new Set<string>();
    for (const { label, text, vote, parts, reward } of answersOf(episodes)) {
      const follows = seenIn(text) === label;
      const right = vote === label;
      expect(parts.description).toBe(Number(follows));
      expect(parts.correctness).toBe(right ? (follows ? 1 : earned) : 0);
      expect(reward).toBeCloseTo(0.9 * (parts.correctness as number) + 0.1 * (parts.format as number), 9);
      outcomes.add(`${follows} ${right}`);
    }
    expect(outcomes.size).toBeGreaterThan(2);
  },
);

test("by part, the chain takes the advantage of what follows from it, the answer that of the reward", async () => {
  const { episodes, reasoner } = await taught({ attribution: "by_part" });
  const groups = reasoner.updates.flatMap((update) => update.groups);
  expect(groups.length).toBeGreaterThan(3);
  let apart = 0;
  for (const { rollouts } of groups) {
    const episode = episodes.find((each) =>
      zip(each.rollouts, rollouts).every(
        ([a, { completion }]) => a.tokens.join() === completion.tokens.join(),
      ),
    );
    for (const [{ advantage, completion }, own] of zip(rollouts, episode?.rollouts ?? [])) {
      const all = advantage as Float32Array;
      expect(all).toHaveLength(completion.tokens.length);
      // <think> n dots </think> is four words, <answer> n </answer> three.
      expect(new Set(all.subarray(0, 4)).size).toBe(1);
      expect(new Set(all.subarray(4))).toEqual(new Set([Math.fround(own.advantage)]));
      if (all[0] !== all[4]) apart++;
    }
  }
  expect(apart).toBeGreaterThan(0);
});

test("neither is asked by default", async () => {
  const { episodes } = await taught({});
  for (const { parts } of answersOf(episodes)) expect(parts).not.toHaveProperty("description");
});

test("where answers go wrong is found out by the labels, and changes nothing of what is learnt", async () => {
  const { episodes, reasoner } = await taught({}, 1);
  const looked = answersOf(episodes);
  expect(looked.length).toBeGreaterThan(20);
  const causes = new Set<string | null>();
  for (const { label, vote, attribution } of looked) {
    const { by, description, conclusion, concluded, described, cause } = attribution ?? {};
    expect([by, description, conclusion]).toEqual(["label", "3 dots", "3"]);
    expect(concluded).toBe(label === "3");
    const right = vote === label;
    const expected = described ? (concluded ? "fusion" : "reasoning") : "grounding";
    expect(cause).toBe(right ? (described ? null : "unfaithful") : expected);
    causes.add(cause as string | null);
  }
  expect(causes.size).toBeGreaterThan(1);
  const plain = await taught({});
  expect(answersOf(plain.episodes).every(({ attribution }) => attribution === null)).toBe(true);
  expect(reasoner.updates).toEqual(plain.reasoner.updates);
});
