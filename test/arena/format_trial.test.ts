import { describe, expect, it } from "vitest";
import type { Example } from "../../policy/port.ts";
import { questionerTemplates } from "../../questioner/prompt.ts";
import { describerTemplate, readerTemplates, reasonerTemplates } from "../../reasoner/prompt.ts";
import { ofType, playIn } from "../fakes/play.ts";
import { askedIn } from "../fakes/prompts.ts";
import { makeWorld, smallConfig, untaught } from "../fakes/world.ts";

const trying = smallConfig((config) => {
  config.trial.images = 4;
});
const plain = { questioner: "what colour is it ?", reasoner: "red" };
const nothing = "<think>";

describe("before the first round", () => {
  it("the configured format alone is tried where its prompts are the run's own", async () => {
    const { events } = await playIn(makeWorld(), trying);
    const [tried, another] = ofType(events, "formatsTried");
    expect(another).toBeUndefined();
    expect(tried?.formats.map(({ format }) => format)).toEqual(["tags"]);
    expect(tried?.formats[0]?.questions.of).toBe(16);
    expect(tried?.formats[0]?.answers.found).toBeGreaterThan(8);
    const first = events.findIndex(({ type }) => type === "formatsTried");
    expect(events.findIndex(({ type }) => type === "questionerStep")).toBeGreaterThan(first);
  });

  it("nothing of it changes what the run does", async () => {
    const without = await playIn(makeWorld(), smallConfig());
    const { events } = await playIn(makeWorld(), trying);
    for (const type of ["questionerEpisode", "curriculumEpisode", "reasonerEpisode"] as const) {
      const bodies = (all: typeof events) => ofType(all, type).map(({ atMs: _, ...body }) => body);
      expect(bodies(events)).toEqual(bodies(without.events));
    }
  });

  it("where little can be read and nothing else was said, a warm-up teaches the form", async () => {
    const half = makeWorld({ questioner: { script: () => nothing } });
    const { events } = await playIn(half, trying);
    expect(ofType(events, "warmUpStep")).toHaveLength(12);
    const none = await playIn(makeWorld(), trying);
    expect(ofType(none.events, "warmUpStep")).toEqual([]);
  });

  it("a format that the policies do not write ends the run with the one that they do", async () => {
    const asksPlainly = (text: string) =>
      text === questionerTemplates.plain || text === reasonerTemplates.plain;
    const world = makeWorld({
      questioner: { script: ({ text }) => (asksPlainly(text) ? plain.questioner : nothing) },
      reasoner: {
        script: ({ text }) => (text.includes("Write only the answer") ? plain.reasoner : nothing),
      },
    });
    const templates = {
      questioner: questionerTemplates.tags,
      reasoner: reasonerTemplates.tags,
      describer: describerTemplate,
      reader: readerTemplates.tags,
      format: "tags",
    } as const;
    const untaught = smallConfig((config) => {
      config.trial.images = 4;
      config.warmUp.steps = 0;
    });
    const { error, events } = await playIn({ ...world, templates }, untaught);
    expect(error).toMatchObject({ code: "config" });
    expect(String(error)).toContain("0 of 16 questions and 0 of 16 answers");
    expect(String(error)).toContain("set format to plain (16 of 16 questions and 16 of 16 answers)");
    expect(String(error)).toContain(nothing);
    const [tried] = ofType(events, "formatsTried");
    expect(tried?.formats.map(({ format }) => format)).toEqual(["tags", "boxed", "line", "plain"]);
    expect(ofType(events, "questionerStep")).toEqual([]);
    const mute = { questioner: { script: () => nothing }, reasoner: { script: () => nothing } };
    const hopeless = await playIn({ ...makeWorld(mute), templates }, trying);
    expect(String(hopeless.error)).toContain("expected a quarter of each; change the model, prompts");
  });
});

describe("a warm-up", () => {
  const warming = smallConfig((config) => {
    config.trial.images = 4;
    config.warmUp.steps = 3;
    config.warmUp.imagesPerStep = 2;
    config.warmUp.questionsPerImage = 2;
  });
  /** A base that speaks plainly until it was taught to write the tags. */
  const taught = () => makeWorld(untaught("how many dots plus 1 ?", "There are 3 dots."));

  it("imitates the policies' own plain words in the wanted form, before the first round", async () => {
    const world = taught();
    const { events, error } = await playIn(world, warming);
    expect(error).toBeUndefined();
    const steps = ofType(events, "warmUpStep");
    expect(steps.map(({ step }) => step)).toEqual([0, 1, 2]);
    expect(steps[0]?.asked).toEqual(
      new Array(4).fill("<question> how many dots plus 1 ? </question>\n<answer> 3 </answer>"),
    );
    expect(steps[0]?.answered).toEqual(
      new Array(4).fill("<think> There are 3 dots. </think>\n<answer> 3 </answer>"),
    );
    const [first] = world.policies.reasoner.supervised;
    expect(first && askedIn((first.examples[0] as Example).prompt).text).toBe("how many dots plus 1 ?");
    expect(first?.options.learningRate).toBeCloseTo(2e-4 / 5, 12);
    expect(steps.at(-1)?.updates.questioner?.version).toBe(3);
    expect(ofType(events, "curriculumBuilt")[0]?.admitted).toBeGreaterThan(0);
  });

  it("goes on where the trial read too little", async () => {
    const world = makeWorld({
      questioner: { script: () => nothing },
      reasoner: { script: () => nothing },
    });
    const { events } = await playIn(world, warming);
    expect(ofType(events, "warmUpStep")).toHaveLength(3);
    expect(ofType(events, "warmUpStep")[0]?.updates).toEqual({ questioner: null, reasoner: null });
  });
});
