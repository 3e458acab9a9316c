import { describe, expect, it } from "vitest";
import * as z from "zod";
import type { AnswerTools } from "../../arena/answerer.ts";
import { defineTool } from "../../environments/tools/tool.ts";
import { Toolkit, type ToolOptions } from "../../environments/tools/toolkit.ts";
import { imageOf } from "../../images/image.ts";
import { earnedIn } from "../../inspector/trajectories.ts";
import type { AnswerRecord, RunEvent } from "../../replay/events.ts";
import { answersOf, rolloutsOf } from "../../replay/rollouts.ts";
import { imagesNamedBy } from "../../replay/turns.ts";
import { MemoryCheckpoints } from "../fakes/checkpoints.ts";
import { configOf } from "../fakes/config.ts";
import { ofType, playIn, withoutTimes } from "../fakes/play.ts";
import type { Script } from "../fakes/policy.ts";
import { makeWorld, reasonerScript, smallConfig, type World } from "../fakes/world.ts";

/** Says how many dots the first picture has, and shows one more. */
const count = defineTool({
  name: "count",
  description: "counts dots",
  arguments: z.strictObject({}),
  isPure: true,
  async run(_, { images }) {
    const dots = Number(/\d+/.exec(images[0]?.id ?? "")?.[0]) % 10;
    return [`${dots} dots`, imageOf(1, 1, Uint8Array.of(dots, 7, 7))];
  },
});

const prices = { price: 0.1, prices: {}, freeCalls: 0, faultPrice: 0.5, bonus: 0.25 };
const options: ToolOptions = {
  ...{ section: null, form: "template", maxCalls: 3, timeLimitMs: 1000 },
  ...{ maxText: 100, maxPixels: 1_000_000 },
  ...prices,
};
const call = (name: string) => `<tool_call>${JSON.stringify({ name, arguments: {} })}</tool_call>`;

/** Calls a tool in half of the cases, then answers rightly; a third of the calls is of none, and some never end. */
const calling: Script = (asked, stream, version) => {
  const { text } = asked;
  const plus = Number(/plus (\d+)/.exec(text)?.[1]);
  if (plus === 4) return call("count");
  const told = /(\d+) dots/.exec(text)?.[1];
  if (told !== undefined) return `<answer> ${Number(told) + plus} </answer>`;
  if (text.includes("unknownTool") || stream.integer(2) === 0) return reasonerScript(asked, stream, version);
  return call(stream.integer(3) === 0 ? "nothing" : "count");
};

const MAX_TURNS = 3;

function withToolsOf(change: Partial<ToolOptions> = {}) {
  const world = makeWorld({ reasoner: { script: calling } });
  const toolkit = new Toolkit([count], { ...options, ...change });
  const measured: (AnswerTools | null | undefined)[] = [];
  const evaluate: World["evaluate"] = (_, tools) => {
    measured.push(tools);
    return [] as never;
  };
  const [stage] = configOf({ stages: [{ kind: "self_play", maxTurns: MAX_TURNS, tools: ["zoom"] }] }).stages;
  const config = smallConfig((small) => {
    Object.assign(small, { stages: [stage] });
    small.curriculum.gate.blindAnswersPerQuestion = 2;
    small.evaluation.questions = 1;
  });
  return { world: { ...world, toolkits: [toolkit], evaluate }, config, measured };
}

async function played() {
  const { world, config, measured } = withToolsOf();
  const { events, error } = await playIn(world, config);
  expect(error).toBe(undefined);
  return { world, config, events, measured };
}

const helped = ({ trajectory }: AnswerRecord) =>
  trajectory?.turns.some((turn) => turn.call?.tool === "count" && turn.call.fault === null) ?? false;

describe("self-play with tools", () => {
  it("votes by what trajectories answer at their end, and marks the votes that a tool verified", async () => {
    const { events } = await played();
    const episodes = [...ofType(events, "questionerEpisode"), ...ofType(events, "curriculumEpisode")];
    const questions = episodes.flatMap((episode) => [...rolloutsOf(episode)]);
    const answers = questions.flatMap((question) => answersOf(question).map(({ answer }) => answer));
    const turns = new Set(answers.map(({ trajectory }) => trajectory?.turns.length));
    expect(turns).toEqual(new Set([1, 2, MAX_TURNS]));
    for (const answer of answers) {
      const { verified, trajectory, vote, outcome, text } = answer;
      expect(verified).toBe(helped(answer));
      expect(trajectory?.success).toBe(null);
      if (trajectory?.end === "turns")
        expect([outcome, vote, helped(answer)]).toEqual(["unparsed", null, true]);
      else if (vote !== null) expect(trajectory?.turns.at(-1)?.text).toBe(`<answer> ${vote} </answer>`);
      expect(text).toBe(trajectory?.turns.map((turn) => turn.text).join("\n"));
    }
    expect(answers.filter(({ trajectory }) => trajectory?.end === "turns").length).toBeGreaterThan(0);
    for (const question of questions) {
      if (!("completion" in question) || !question.verdict) continue;
      const votes = question.answers.filter(({ vote }) => vote !== null);
      expect(question.verdict.verified).toBe(votes.filter(helped).length);
    }
    for (const type of ["questionerStep", "curriculumStep"] as const)
      for (const step of ofType(events, type)) {
        const own = episodes.filter(({ phase, step: place }) => phase === step.phase && place === step.step);
        const votes = own
          .flatMap((episode) => [...rolloutsOf(episode)])
          .flatMap((rollout) => ("completion" in rollout ? rollout.answers : []))
          .filter(({ vote }) => vote !== null);
        expect(step.verified).toBeCloseTo(votes.filter(helped).length / votes.length, 12);
      }
  });

  it("rewards what is taught by agreement, and by what calls cost", async () => {
    const { events, world, config } = await played();
    const episodes = ofType(events, "reasonerEpisode");
    const rollouts = episodes.flatMap((episode) => episode.rollouts);
    expect(rollouts.some(helped)).toBe(true);
    const { agreement: weight, format } = config.reasoner.reward;
    for (const rollout of rollouts) {
      const { parts, reward, trajectory, verified } = rollout;
      const calls = trajectory?.turns.flatMap((turn) => turn.call ?? []) ?? [];
      const faults = calls.filter(({ fault }) => fault !== null).length;
      expect(parts.toolCalls ?? 0).toBeCloseTo(-0.1 * calls.length, 12);
      expect(parts.toolFaults ?? 0).toBeCloseTo(-0.5 * faults, 12);
      expect(parts.toolSuccess ?? 0).toBe(parts.agreement === 1 && verified ? 0.25 : 0);
      const { toolCalls = 0, toolFaults = 0, toolSuccess = 0 } = parts;
      const voted = weight * (parts.agreement ?? 0) + format * (parts.format ?? 0);
      expect(reward).toBeCloseTo(voted + toolCalls + toolFaults + toolSuccess, 12);
      expect(trajectory?.success).toBe(parts.agreement === 1);
      expect(earnedIn(trajectory as NonNullable<typeof trajectory>, rollout).addsUp).toBe(true);
    }
    const [update] = world.policies.reasoner.updates;
    expect(update?.options.maxTokens).toBe(MAX_TURNS * config.reasoner.maxTokens);
    const taught = update?.groups.flatMap((group) => group.rollouts) ?? [];
    expect(taught.some(({ completion }) => (completion.observations ?? []).length > 0)).toBe(true);
    for (const step of ofType(events, "reasonerStep"))
      expect(step.trajectories?.meanTurns).toBeGreaterThan(1);
  });

  it("tells of the tools wherever it asks, and records them with the pictures that they showed", async () => {
    const { events, world } = await played();
    for (const episode of ofType(events, "reasonerEpisode")) {
      expect(episode.tools?.told).toBe("usualWords");
      expect(episode.tools?.functions.map(({ function: { name } }) => name)).toEqual(["count"]);
      const [system, user] = episode.turns ?? [];
      expect([system?.role, user?.role]).toEqual(["system", "user"]);
      expect(user?.parts[0]).toEqual({ image: episode.image.id });
    }
    const prompts = world.policies.reasoner.updates.flatMap(({ groups }) =>
      groups.map(({ prompt }) => prompt),
    );
    for (const { turns } of prompts) expect(turns[0]?.role).toBe("system");
    const shown = events.filter((event) => "prompt" in event).flatMap(imagesNamedBy);
    expect(shown.some((id) => !id.startsWith("image-"))).toBe(true);
  });

  it("is measured with them", async () => {
    const { measured, world } = await played();
    expect(measured.length).toBeGreaterThan(0);
    for (const tools of measured)
      expect(tools).toEqual({ toolkit: world.toolkits[0], maxTurns: MAX_TURNS, hasToolForm: false });
  });

  it("comes to the same from every checkpoint that it made", async () => {
    const { world: first, config } = withToolsOf();
    const often = { ...config, checkpoint: { ...config.checkpoint, everySteps: 1 } };
    const whole = { ...first, evaluate: null, checkpoints: new MemoryCheckpoints() };
    expect((await playIn(whole, often)).completed).toBe(true);
    const story = (events: readonly RunEvent[]) =>
      events.filter(({ type }) => !/^(checkpointSaved|runResumed)$/.test(type)).map(withoutTimes);
    const { saved } = whole.checkpoints;
    expect(saved.length).toBeGreaterThan(6);
    for (const checkpoint of saved) {
      const world = { ...withToolsOf().world, evaluate: null, checkpoints: new MemoryCheckpoints() };
      world.log.events.push(...whole.log.events.slice(0, checkpoint.state.replay));
      for (const role of ["questioner", "reasoner"] as const)
        for (const [folder, version] of whole.policies[role].states)
          world.policies[role].states.set(folder, version);
      expect((await playIn(world, often, undefined, checkpoint)).completed).toBe(true);
      expect(story(world.log.events)).toEqual(story(whole.log.events));
    }
  });

  it("is the same run each time; without them, nothing is said of any", async () => {
    const again = await played();
    const { events } = await played();
    expect(events.map(withoutTimes)).toEqual(again.events.map(withoutTimes));
    const plain = await playIn(makeWorld({ reasoner: { script: reasonerScript } }));
    const records = plain.events.flatMap((event: RunEvent) =>
      "rollouts" in event || event.type === "curriculumEpisode" ? [...rolloutsOf(event)] : [],
    );
    for (const record of records)
      for (const { answer } of answersOf(record))
        expect([answer.trajectory, answer.verified]).toEqual([null, null]);
    for (const type of ["questionerStep", "curriculumStep"] as const)
      for (const { verified } of ofType(plain.events, type)) expect(verified).toBe(null);
  });
});
