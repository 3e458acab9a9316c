import { describe, expect, it } from "vitest";
import type { RunConfig } from "../../arena/config/config.ts";
import type { RandomStream } from "../../common/random.ts";
import { deriveSeed } from "../../common/random.ts";
import { view } from "../../images/views.ts";
import type { QuestionerRollout, QuestionRecord } from "../../replay/events.ts";
import { ofType, playIn } from "../fakes/play.ts";
import type { Script } from "../fakes/policy.ts";
import { askedIn } from "../fakes/prompts.ts";
import { makeWorld, reasonerScript, smallConfig } from "../fakes/world.ts";

describe("a run", () => {
  it("goes through its rounds, phases and steps in order", async () => {
    const { events, completed } = await playIn(
      makeWorld(),
      smallConfig((config) => (config.rounds = 2)),
    );
    expect(completed).toBe(true);
    const outline = events.flatMap((event) => {
      if (event.type === "phaseStarted") return `${event.round} ${event.phase}`;
      if (event.type.endsWith("Episode") || event.type === "phaseFinished") return [];
      return "step" in event ? `step ${event.step}` : event.type;
    });
    const round = (n: number) => [
      ...[`${n} questioner`, "step 0", "step 1", "step 2", "questionerAudited"],
      ...[`${n} curriculum`, "step 0", "step 1", "step 2", "curriculumBuilt"],
      ...[`${n} reasoner`, "step 0", "step 1", "step 2"],
      "modelsSaved",
    ];
    expect(outline).toEqual(["runStarted", ...round(1), ...round(2), "runFinished"]);
  });

  it("records each episode whole", async () => {
    const { events } = await playIn(makeWorld());
    const [asked] = ofType(events, "questionerEpisode");
    expect(asked?.rollouts).toHaveLength(4);
    expect(asked?.prompt).toBe("ask");
    const rollout = asked?.rollouts.find(({ question }) => question !== null);
    expect(rollout?.answers).toHaveLength(4);
    expect(rollout?.blindAnswers).toHaveLength(2);
    expect(rollout?.verdict?.samples).toBe(4);
    expect(Object.keys(rollout?.checks ?? {})).toEqual([
      "format",
      "parse",
      "abstention",
      "blind",
      "confidence",
    ]);
    expect(rollout?.completion.tokens).toHaveLength(rollout?.completion.logProbs.length ?? -1);

    const [learned] = ofType(events, "reasonerEpisode");
    expect(learned?.rollouts.map(({ reward }) => reward)).toEqual(
      learned?.rollouts.map(({ parts, vote }) => {
        expect(parts.agreement).toBe(vote === learned.label ? 1 : 0);
        return 0.9 * (parts.agreement ?? 0) + 0.1 * (parts.format ?? 0);
      }),
    );
    expect(events).toEqual(JSON.parse(JSON.stringify(events)));
  });

  it("pays for questions that need the image, where it is told to, and admits only these", async () => {
    const config = smallConfig((change) => {
      change.questioner.reward.evidenceWeight = 0.5;
      change.curriculum.gate.blindAnswersPerQuestion = 2;
      change.curriculum.gate.maxBlindAgreement = 1;
      change.curriculum.gate.minEvidence = 0.5;
    });
    // Every other question is answered without looking.
    const script: Script = (asked, ...others) =>
      /[13579] \?$/.test(asked.text) ? "<answer> 4 </answer>" : reasonerScript(asked, ...others);
    const { events } = await playIn(makeWorld({ reasoner: { script } }), config);
    const evidenceOf = ({
      verdict,
      blindAnswers,
    }: QuestionRecord & Pick<QuestionerRollout, "blindAnswers">) => {
      const votes = blindAnswers.flatMap(({ vote }) => vote ?? []);
      const same = votes.filter((vote) => vote === verdict?.silver).length;
      return (verdict?.confidence ?? 0) - same / Math.max(1, votes.length);
    };
    const paid = ofType(events, "questionerEpisode").flatMap(({ rollouts }) =>
      rollouts.filter(({ verdict, blindAnswers }) => verdict !== null && blindAnswers.length > 0),
    );
    for (const rollout of paid) {
      const { gate = 0, form = 0, uncertainty = 0, penalty = 0, evidence, bonus = 0 } = rollout.parts;
      expect(evidence).toBeCloseTo(Math.max(0, evidenceOf(rollout)));
      expect(bonus).toBeCloseTo(0.5 * (evidence ?? 0));
      expect(rollout.reward).toBeCloseTo(gate * form * (Math.max(0, uncertainty - penalty) + bonus));
    }
    expect(new Set(paid.map(({ parts }) => parts.evidence)).size).toBeGreaterThan(1);
    const asked = ofType(events, "curriculumEpisode").flatMap(({ questions }) => questions);
    const admitted = asked.filter(({ rejection }) => rejection === null);
    for (const question of admitted) expect(evidenceOf(question)).toBeGreaterThanOrEqual(0.5);
    expect(admitted.length).toBeGreaterThan(0);
    expect(asked.filter(({ rejection }) => rejection === "noEvidence").length).toBeGreaterThan(0);
  });

  it("trains with the versions, the KL reference and the learning rate that it records", async () => {
    const world = makeWorld();
    const config = smallConfig((change) => (change.rounds = 2));
    const { events } = await playIn(world, config);
    const { questioner, reasoner } = world.policies;
    expect(questioner.updates).toHaveLength(6);
    expect(reasoner.updates).toHaveLength(6);
    expect(new Set(questioner.scored)).toEqual(new Set(["reference"]));
    expect(reasoner.scored).toEqual([]);
    for (const { groups } of [...questioner.updates, ...reasoner.updates]) {
      for (const { rollouts } of groups) {
        expect(rollouts.some(({ advantage }) => advantage !== 0)).toBe(true);
        expect(rollouts.every(({ referenceLogProbs }) => referenceLogProbs?.[0] === -1)).toBe(true);
      }
    }
    const rates = ofType(events, "reasonerStep").map(({ update }) => update?.learningRate);
    const warmUp = [0.2, 0.4, 0.6, 0.8, 1, 1];
    const fall = [1, 2 / 3, 1 / 3];
    const wanted = warmUp.map(
      (share, i) => smallConfig().reasoner.learningRate * share * (fall[i % 3] as number) * (i < 3 ? 1 : 0.8),
    );
    expect(rates).toHaveLength(6);
    for (const [i, rate] of wanted.entries()) expect(rates[i]).toBeCloseTo(rate, 12);
    const versions = ofType(events, "questionerEpisode").map((event) => event.versions.questioner);
    expect([...new Set(versions)]).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("needs no reference where there is no KL, and then answers a step's items in one call", async () => {
    const world = makeWorld();
    await playIn(
      world,
      smallConfig((config) => {
        config.questioner.beta = 0;
        config.reasoner.beta = 0;
      }),
    );
    expect(world.policies.questioner.scored).toEqual([]);
    const [update] = world.policies.reasoner.updates;
    expect(update?.groups[0]?.rollouts[0]).not.toHaveProperty("referenceLogProbs");
    const sizes = world.policies.reasoner.calls.filter(({ method }) => method === "sample").slice(-3);
    expect(sizes.map(({ size }) => size)).toEqual([6, 6, 6]);
  });

  it("leaves the Questioner untrained if told so", async () => {
    const world = makeWorld();
    const { events } = await playIn(
      world,
      smallConfig((config) => (config.questioner.train = false)),
    );
    expect(world.policies.questioner.updates).toEqual([]);
    expect(ofType(events, "phaseStarted").map(({ phase }) => phase)).toEqual(["curriculum", "reasoner"]);
  });

  it("passes over a small curriculum no more often than it may", async () => {
    const config = smallConfig((change) => {
      change.curriculum.images = 1;
      change.reasoner.stepsPerRound = 50;
      change.reasoner.maxPasses = 2;
    });
    const { events } = await playIn(makeWorld(), config);
    const [built] = ofType(events, "curriculumBuilt");
    expect(built?.admitted).toBeLessThan(6);
    expect(ofType(events, "reasonerStep")).toHaveLength(2);
  });

  it("masks what was cut off", async () => {
    const chatter = makeWorld({
      questioner: {
        script: (_, stream) =>
          stream.integer(2) === 0
            ? "a b c d e f g h i j k l"
            : "<question> how many dots plus 1 ? </question>",
      },
    });
    const { events } = await playIn(
      chatter,
      smallConfig((config) => (config.questioner.maxTokens = 10)),
    );
    const rollouts = chatter.policies.questioner.updates.flatMap(({ groups }) =>
      groups.flatMap((group) => group.rollouts),
    );
    const cut = rollouts.filter(({ mask }) => mask);
    expect(cut.length).toBeGreaterThan(0);
    for (const { completion, mask } of cut) expect(mask).toEqual(new Uint8Array(completion.tokens.length));
    expect(ofType(events, "questionerStep")[0]?.truncatedShare).toBeGreaterThan(0);
  });
});

describe("the curriculum", () => {
  it("holds what lies in the band, labelled by the majority, and audits itself", async () => {
    const { events } = await playIn(makeWorld());
    const questions = ofType(events, "curriculumEpisode").flatMap((event) => event.questions);
    for (const { rejection, verdict, label, question } of questions) {
      if (question === null) expect(rejection).toBe("malformed");
      if (rejection !== null) continue;
      expect(label).toBe(verdict?.silver);
      expect(verdict?.confidence).toBeGreaterThanOrEqual(0.6);
    }
    const [built] = ofType(events, "curriculumBuilt");
    expect(built?.admitted).toBe(questions.filter(({ rejection }) => rejection === null).length);
    expect(built?.audit?.meaningful).toBeGreaterThan(0.5);
    expect(built?.audit?.silverCorrect).toBeGreaterThan(0.5);
  });

  it("takes no label from the few answers that parse", async () => {
    const reasoner = {
      script: (_: unknown, stream: RandomStream) =>
        stream.integer(8) === 0 ? `<answer> ${stream.integer(9)} </answer>` : "<think>",
    };
    const { events } = await playIn(
      makeWorld({ reasoner }),
      smallConfig((change) => (change.curriculum.answersPerQuestion = 8)),
    );
    const voted = ofType(events, "curriculumEpisode")
      .flatMap((event) => event.questions)
      .filter(({ verdict }) => verdict?.confidence === 1);
    expect(voted.length).toBeGreaterThan(5);
    expect(new Set(voted.map(({ rejection }) => rejection))).toEqual(new Set(["fewParsed"]));
    const [empty] = ofType(events, "curriculumEmpty");
    expect(empty?.message).toContain("fewParsed");
  });

  it("rejects what is answered alike without the image, where it asks blindly", async () => {
    const sure = { script: () => "<answer> 4 </answer>" };
    const blindly = smallConfig((change) => (change.curriculum.gate.blindAnswersPerQuestion = 2));
    const { events } = await playIn(makeWorld({ reasoner: sure }), blindly);
    const asked = ofType(events, "curriculumEpisode")
      .flatMap((event) => event.questions)
      .filter(({ verdict }) => verdict);
    for (const { rejection, blindAnswers } of asked) {
      expect(rejection).toBe("blind");
      expect(blindAnswers?.map(({ vote }) => vote)).toEqual(["4", "4"]);
    }
    const without = await playIn(makeWorld({ reasoner: sure }));
    expect(ofType(without.events, "curriculumBuilt")[0]?.rejected.blind).toBeUndefined();
  });

  it("asks about no image again before it has asked about all others", async () => {
    const config = smallConfig((change) => {
      change.rounds = 3;
      change.curriculum.images = 9;
    });
    const { events } = await playIn(makeWorld({ images: 20 }), config);
    const asked = ofType(events, "curriculumEpisode").map(({ image }) => image.index);
    expect(asked).toHaveLength(27);
    expect(new Set(asked.slice(0, 20)).size).toBe(20);
    expect(asked.slice(20)).toEqual(asked.slice(0, 7));
  });

  it("admits a question about an image once in a run, whatever it was called in rounds before", async () => {
    const twice = (dropDuplicates: boolean) =>
      smallConfig((change) => {
        change.rounds = 3;
        Object.assign(change.curriculum, { images: 5, dropDuplicates, questionsPerImage: 4 });
      });
    const admitted = async (config: RunConfig) => {
      const { events } = await playIn(makeWorld({ images: 5 }), config);
      const episodes = ofType(events, "curriculumEpisode");
      return episodes.flatMap(({ image, questions }) =>
        questions.flatMap(({ label, question }) => (label === null ? [] : [`${image.id}: ${question}`])),
      );
    };
    const once = await admitted(twice(true));
    expect(once.length).toBeGreaterThan(10);
    expect(new Set(once).size).toBe(once.length);
    const repeated = await admitted(twice(false));
    expect(new Set(repeated).size).toBeLessThan(repeated.length);
  });

  it("may use true labels as a ceiling", async () => {
    const world = makeWorld();
    const config = smallConfig((change) => (change.reasoner.labels = "true"));
    const { events } = await playIn(world, config);
    for (const { image, question, label } of ofType(events, "reasonerEpisode")) {
      expect(label).toBe(world.truth?.answer(image.index, question));
    }
    const blind = await playIn({ ...makeWorld(), truth: null }, config);
    expect(blind.error).toMatchObject({ code: "config" });
  });

  it("is voted on in clear views of its images, as often in each", async () => {
    const script: Script = ({ image }) =>
      `<answer> ${/-clear-\d+-(\d+)$/.exec(image.id)?.[1] ?? 0} </answer>`;
    const config = smallConfig((change) => (change.curriculum.views = 2));
    const { events } = await playIn(makeWorld({ reasoner: { script } }), config);
    const asked = ofType(events, "curriculumEpisode").flatMap(({ questions }) => questions);
    const answered = asked.filter(({ verdict }) => verdict !== null);
    expect(answered.length).toBeGreaterThan(10);
    for (const { answers } of answered) expect(answers.map(({ vote }) => vote)).toEqual(["0", "0", "1", "1"]);
  });

  it("is learnt from views of its images, which can be made again from what is recorded", async () => {
    const world = makeWorld();
    const { events } = await playIn(world, smallConfig());
    const shown = world.policies.reasoner.updates.flatMap(({ groups }) =>
      groups.map(({ prompt }) => askedIn(prompt).image),
    );
    const episodes = ofType(events, "reasonerEpisode");
    expect(new Set(episodes.map((episode) => episode.view)).size).toBeGreaterThan(2);
    const remade = await Promise.all(
      episodes.map(({ image: { id, index }, view: k }) => {
        const itself = { id, width: 1, height: 1, data: Uint8Array.of(index % 10, 0, 0) };
        return view(itself, k, deriveSeed(0, "views"));
      }),
    );
    expect(shown.length).toBeGreaterThan(0);
    for (const image of shown) expect(remade).toContainEqual(image);

    const plain = await playIn(
      makeWorld(),
      smallConfig((config) => (config.reasoner.views = 1)),
    );
    expect(new Set(ofType(plain.events, "reasonerEpisode").map((episode) => episode.view))).toEqual(
      new Set([0]),
    );
  });

  it("may be empty now and then, but not three times in a row", async () => {
    const impossible = (config: RunConfig) => ({
      ...config,
      rounds: 5,
      curriculum: { ...config.curriculum, band: { low: 0.01, high: 0.02 } },
    });
    const world = makeWorld();
    const { events, error } = await playIn(world, impossible(smallConfig()));
    const empty = ofType(events, "curriculumEmpty");
    expect(empty.map(({ round, consecutive }) => [round, consecutive])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(empty[0]?.message).toMatch(
      /found \d+ aboveBand.*expected confidences from 0.01 to 0.02; raise curriculum.band.high/,
    );
    expect(empty[0]?.confidences.reduce((sum, n) => sum + n, 0)).toBeGreaterThan(0);
    expect(error).toMatchObject({ code: "emptyCurriculum" });
    expect(world.policies.reasoner.updates).toEqual([]);
    expect(events.at(-1)).toMatchObject({ type: "runFailed", code: "emptyCurriculum" });
  });
});
