import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { causeText, checksText, conclusionText } from "../../inspector/attributions.ts";
import { comparisonOf } from "../../inspector/comparison.ts";
import { decimal, percent, plural, visible, whole } from "../../inspector/format.ts";
import { attributionShares } from "../../replay/attribution.ts";
import type { AttributionFigures, EpisodeEvent, EvaluationReport } from "../../replay/events.ts";
import type { EpisodeHead, EpisodeQuery } from "../../replay/query.ts";
import { ReplayReader } from "../../replay/reader.ts";
import { narrow, open, rowsOf, says, textOf, useBrowser, useInspector } from "./looking.ts";

useBrowser();
const at = useInspector(() => [inject("recorded")]);
let reader: ReplayReader;
beforeAll(() => {
  reader = ReplayReader.open(inject("recorded"));
});
afterAll(() => reader?.[Symbol.dispose]());

const headsOf = (query: EpisodeQuery) =>
  reader.heads([...reader.order(query)]).map((head) => head as EpisodeHead);
const firstOf = (phase: string) => {
  const [id = 0] = reader.order({ phases: [phase], sort: { by: "time", order: "ascending" } });
  return { id, event: reader.episode(id)?.event as EpisodeEvent };
};

describe("the run", () => {
  test("says what the replay holds", async () => {
    await using opened = await open(at());
    const { page, incidents } = opened;
    await says(page, "finished, 2 of 2 rounds");
    const events = [...reader.events()].map(({ event }) => event);
    const reports = events.flatMap((event): EvaluationReport[] =>
      event.type === "evaluated" ? [event.report] : [],
    );
    const { overall } = reports.at(-1) as EvaluationReport;
    const facts = await page.locator("dl.facts").innerText();
    for (const { percent: share } of [overall.greedy, overall.mean8, overall.maj8])
      expect(facts).toContain(`${decimal(share, 1)}%`);
    expect(facts).toMatch(`episodes\n${whole(reader.order().length)}`);
    const phases = events.flatMap((event) => (event.type === "phaseStarted" ? [event.phase] : []));
    const spans = page.getByRole("group", { name: "Time line of the run" }).getByRole("link");
    expect(await spans.count()).toBe(phases.length);
    const tableOf = (column: string) =>
      page.locator("table", { has: page.getByRole("columnheader", { name: column }) }).locator("tbody tr");
    expect(await tableOf("greedy").count()).toBe(reports.length);
    const looks = { sensitivity: "stability", recall: "chairThings", "encoder's fall": "encoder" } as const;
    for (const [column, name] of Object.entries(looks)) {
      const rows = await tableOf(column).allInnerTexts();
      expect(rows).toHaveLength(reports.length);
      for (const [i, { looking }] of reports.entries())
        expect(rows[i]?.split(/\s+/)).toContain(decimal(looking[name]?.percent, 1));
    }
    const causes = await tableOf("unfaithful").allInnerTexts();
    expect(causes.length).toBeGreaterThanOrEqual(reports.length);
    for (const [i, { attribution }] of reports.entries())
      expect(causes[i]?.split(/\s+/).slice(1).map(Number)).toEqual(
        Object.values(attributionShares(attribution?.overall as AttributionFigures)).map((share) =>
          Number((100 * (share as number)).toFixed(1)),
        ),
      );
    expect(incidents).toEqual([]);
  });

  test("leads from a cause to the episodes of the round in which answers went wrong so", async () => {
    await using opened = await open(at());
    const { page, incidents } = opened;
    const links = page.getByRole("cell").locator("a[href*='cause%3A']");
    await links.first().waitFor();
    const [, round, cause] = /round=(\d+)&cause%3A(\w+)=1/.exec(
      (await links.first().getAttribute("href")) ?? "",
    ) as unknown as [string, string, string];
    await links.first().click();
    const ranges = {
      round: { min: Number(round), max: Number(round) },
      [`cause:${cause}`]: { min: 1 },
    };
    await says(page, plural(reader.order({ ranges }).length, "episode"));
    expect(incidents).toEqual([]);
  });

  test("shows of an answer what was said to be seen, what followed from that, and the cause", async () => {
    const looked = [...reader.order({ phases: ["reasoner"] })].flatMap((id) => {
      const event = reader.episode(id)?.event;
      const rollouts = event?.type === "reasonerEpisode" ? event.rollouts : [];
      return rollouts.flatMap(({ attribution }, rollout) =>
        attribution?.cause && attribution.description ? [{ id, rollout, attribution }] : [],
      );
    });
    const [{ id, rollout, attribution }] = looked as [(typeof looked)[number]];
    await using opened = await open(at(`#/recorded/episodes/${id}?rollout=${rollout}`));
    const { page, incidents } = opened;
    const found = await page.getByRole("region", { name: "Where it went wrong" }).innerText();
    for (const text of [causeText(attribution), attribution.description, conclusionText(attribution)])
      expect(found).toContain(text);
    for (const text of checksText(attribution)) expect(found).toContain(text);
    expect(incidents).toEqual([]);
  });

  test("counts every episode in its histograms, and a bin leads to just these", async () => {
    await using opened = await open(at());
    const { page } = opened;
    const bins = page.getByRole("group", { name: "questioner: reward by round" }).getByRole("link");
    await bins.first().waitFor();
    const labels = await bins.evaluateAll((all) => all.map((bin) => bin.getAttribute("aria-label") ?? ""));
    const counts = labels.map((label) => Number(label.split(": ").at(-1)));
    const rewarded = headsOf({ phases: ["questioner"] }).filter(({ reward }) => reward !== null);
    expect(counts.reduce((sum, count) => sum + count)).toBe(rewarded.length);
    await bins.first().focus();
    await page.keyboard.press("Enter");
    await says(page, plural(counts[0] as number, "episode"));
    expect((await rowsOf(page)).length).toBe(counts[0]);
  });

  test("leads from a span of its time line to the episodes of that phase", async () => {
    await using opened = await open(at());
    const { page } = opened;
    await page.getByRole("link", { name: "round 2, reasoner" }).focus();
    await page.keyboard.press("Enter");
    const query = { phases: ["reasoner"], ranges: { round: { min: 2, max: 2 } } };
    await says(page, plural(reader.order(query).length, "episode"));
  });
});

describe("questions", () => {
  test("stand in clusters that hold each once", async () => {
    await using opened = await open(at("#/recorded/questions"));
    const { page, incidents } = opened;
    const asked = reader
      .questions([...reader.order({ phases: ["questioner"] })])
      .filter(({ question }) => question !== null);
    await says(page, `All ${reader.order({ phases: ["questioner"] }).length} episodes`);
    const table = page.locator("table", { has: page.getByRole("link") }).first();
    const sizes = await table.locator("tbody tr td:nth-child(2)").allInnerTexts();
    expect(sizes.reduce((sum, size) => sum + Number(size), 0)).toBe(asked.length);
    await table.getByRole("link").first().click();
    const examples = page.getByRole("region", { name: "Examples" }).getByRole("link");
    await examples.first().waitFor();
    expect(await examples.count()).toBe(Math.min(12, Number(sizes[0])));
    await examples.first().click();
    await says(page, "questions about one picture");
    expect(incidents).toEqual([]);
  });
});

describe("episodes", () => {
  test("come newest first, with their figures", async () => {
    await using opened = await open(at("#/recorded/episodes"));
    const { page, incidents } = opened;
    const heads = headsOf({});
    await says(page, plural(heads.length, "episode"));
    for (const [i, row] of (await rowsOf(page)).entries()) {
      const { question, label, phase, round, step, reward, length } = heads[i] as EpisodeHead;
      for (const text of [question, label ?? "", phase, `round ${round} · ${step}`])
        expect(row).toContain(text);
      expect(row.split("\n")).toContain(decimal(reward));
      expect(row.split("\n")).toContain(whole(length));
    }
    expect(incidents).toEqual([]);
  });

  test("are filtered and sorted by the server", async () => {
    await using opened = await open(at("#/recorded/episodes"));
    const { page } = opened;
    const shows = async (query: EpisodeQuery) => {
      const heads = headsOf(query);
      await says(page, new RegExp(`(^|\\n)${plural(heads.length, "episode")}`));
      await expect
        .poll(async () => (await rowsOf(page)).map((row) => row.split("\n")[0]))
        .toEqual(heads.slice(0, (await rowsOf(page)).length).map(({ question }) => question));
    };
    await page.getByLabel("Phase").selectOption("reasoner");
    await shows({ phases: ["reasoner"] });
    await page.getByRole("columnheader", { name: "reward" }).getByRole("button").click();
    await shows({ phases: ["reasoner"], sort: { by: "reward", order: "descending" } });
    await page.getByRole("columnheader", { name: "reward" }).getByRole("button").click();
    await shows({ phases: ["reasoner"], sort: { by: "reward", order: "ascending" } });
    await page.keyboard.press("/");
    await page.keyboard.type("square");
    await shows({ phases: ["reasoner"], text: "square", sort: { by: "reward", order: "ascending" } });
    await page.getByLabel("Add a range").selectOption("round");
    await page.getByLabel("round, at least").fill("2");
    await page.keyboard.press("Tab");
    await shows({
      phases: ["reasoner"],
      text: "square",
      ranges: { round: { min: 2 } },
      sort: { by: "reward", order: "ascending" },
    });
  });

  test("say what is wrong with an address", async () => {
    await using opened = await open(at("#/recorded/episodes?reward=much"));
    await says(opened.page, "ranges.reward");
  });
});

describe("a group", () => {
  test("of answers: its votes, its rewards and how they come about", async () => {
    const { id, event } = firstOf("reasoner");
    if (event.type !== "reasonerEpisode") throw new Error(event.type);
    await using opened = await open(at(`#/recorded/episodes/${id}`));
    const { page, incidents } = opened;
    await page.locator("details.rollout").first().waitFor();
    const summaries = await page.locator("details.rollout > summary").allInnerTexts();
    expect(summaries.length).toBe(event.rollouts.length);
    for (const [i, { vote, reward, advantage }] of event.rollouts.entries()) {
      expect(summaries[i]).toContain(vote ?? "");
      expect(summaries[i]).toContain(decimal(reward));
      expect(summaries[i]).toContain(decimal(advantage));
    }
    const votes = event.rollouts.filter(({ vote }) => vote === event.label).length;
    await says(page, `${votes} of ${event.rollouts.length}`);
    const mean = event.rollouts.reduce((sum, { reward }) => sum + (reward ?? 0), 0) / event.rollouts.length;
    await says(page, `reward ${decimal(mean)} on average`);
    await says(page, event.rollouts[0]?.text.slice(0, 20).trim() ?? "");
    expect(await textOf(page)).not.toContain("The parts come to");
    expect(incidents).toEqual([]);
  });

  test("of questions: checks with their thresholds, and the answers to each", async () => {
    const { id, event } = firstOf("questioner");
    if (event.type !== "questionerEpisode") throw new Error(event.type);
    for (const [i, { checks, verdict, reward }] of event.rollouts.entries()) {
      await using opened = await open(at(`#/recorded/episodes/${id}?rollout=${i}`));
      const { page, incidents } = opened;
      const body = page.locator("details.rollout[open] .body").first();
      await body.waitFor();
      await expect.poll(() => body.innerText()).toContain(`confidence ${decimal(verdict?.confidence)}`);
      expect(await body.innerText()).toContain(decimal(reward, 3));
      const rows = await body.locator("table tbody tr").allInnerTexts();
      expect(rows.map((row) => row.split("\t")[0]?.trim())).toEqual(Object.keys(checks));
      for (const [j, { passed }] of Object.values(checks).entries())
        expect(rows[j]).toContain(passed ? "passed" : "failed");
      expect(await textOf(page)).not.toContain("The parts come to");
      expect(incidents).toEqual([]);
    }
  });

  test("of the curriculum: what entered, under which label, and what a description alone says", async () => {
    const { id, event } = firstOf("curriculum");
    if (event.type !== "curriculumEpisode") throw new Error(event.type);
    for (const [i, { rejection, label, described }] of event.questions.entries()) {
      await using opened = await open(at(`#/recorded/episodes/${id}?rollout=${i}`));
      await says(
        opened.page,
        rejection === null ? `Entered the curriculum, labelled ${label}` : `Rejected: ${rejection}`,
      );
      if (!described) continue;
      await says(opened.page, `From a description alone: ${described.verdict.silver ?? "no answer"}`);
      await says(opened.page, visible(described.description ?? ""));
    }
  });

  test("that is none says so", async () => {
    await using opened = await open(at("#/recorded/episodes/1"));
    await says(opened.page, "event 1 is no episode of this run");
  });
});

describe("the curriculum", () => {
  test("counts what lies in the band, and shows an item's fate", async () => {
    const questions = reader.questions([
      ...reader.order({
        phases: ["curriculum"],
        ranges: { round: { min: 2, max: 2 } },
        sort: { by: "time", order: "ascending" },
      }),
    ]);
    const within = questions.filter(({ verdict }) => (verdict?.confidence ?? -1) >= 0.5);
    const admitted = within.filter(({ rejection }) => rejection === null);
    await using opened = await open(at("#/recorded/curriculum?low=0.5"));
    const { page, incidents } = opened;
    await says(page, `${plural(within.length, "question")} within, ${admitted.length} of them admitted`);
    await page.getByLabel("What became of it").selectOption("admitted");
    await expect.poll(async () => (await rowsOf(page)).length).toBe(admitted.length);
    const [item] = admitted;
    await page.locator('[role="row"] a').first().click();
    const panel = page.getByRole("complementary", { name: "The question" });
    await expect.poll(() => panel.innerText()).toContain(`labelled ${item?.label}`);
    const passes = headsOf({ phases: ["reasoner"], image: item?.image.id }).filter(
      ({ question }) => question === item?.question,
    );
    if (passes.length > 0) await panel.getByText("Since then").waitFor();
    // Before they have come, the last table is another one, which may have as many rows.
    for (const { round, step } of passes)
      await expect.poll(() => panel.innerText()).toContain(`round ${round}, step ${step}`);
    await expect.poll(() => panel.locator("table").last().locator("tbody tr").count()).toBe(passes.length);
    expect(incidents).toEqual([]);
  });
});

describe("comparing", () => {
  test("pairs the same questions at two times", async () => {
    const side = (ranges: NonNullable<EpisodeQuery["ranges"]>) => ({
      reader,
      query: { phases: ["reasoner"], ranges: { round: { min: 2, max: 2 }, ...ranges } },
    });
    const wanted = comparisonOf(side({ step: { max: 1 } }), side({ step: { min: 2 } }));
    expect(wanted.total).toBeGreaterThan(0);
    await using opened = await open(at("#/recorded/compare"));
    const { page, incidents } = opened;
    const flips = `${wanted.flipped} of them with another outcome`;
    await says(page, `${plural(wanted.total, "question")} on both sides, ${flips}`);
    const pairs = await page.locator("details.rollout > summary").allInnerTexts();
    expect(pairs.length).toBe(wanted.pairs.length);
    for (const [i, { left, right }] of wanted.pairs.entries()) {
      const agreed = [left, right].map(({ measures }) => percent(measures["part:agreement"]));
      expect(pairs[i]).toContain(left.question);
      expect(pairs[i]).toContain(agreed.join(" → "));
    }
    await page.locator("details.rollout > summary").first().click();
    await says(page, `step ${wanted.pairs[0]?.right.step}, version`);
    expect(incidents).toEqual([]);
  });

  test("on a telephone, questions have room, and every screen is one touch away", async () => {
    await using opened = await open(at("#/recorded/compare"), narrow);
    const { page } = opened;
    const question = page.locator("details.rollout > summary .said").first();
    expect((await question.boundingBox())?.width).toBeGreaterThan(150);
    for (const link of await page.getByRole("navigation", { name: "Screens" }).getByRole("link").all()) {
      const box = await link.boundingBox();
      expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(390);
    }
  });
});
