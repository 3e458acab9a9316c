import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EpisodeEvent } from "../../replay/events.ts";
import { ReplayStore } from "../../replay/store.ts";
import { actedEpisode } from "../replay/acted_episode.ts";
import { curriculumEpisode, plainEpisode } from "../replay/events.ts";
import { open, says, textOf, useBrowser, useInspector } from "./looking.ts";

const texts = {
  script: "</script><script>alert(1)</script>",
  image: '<img src=x onerror="alert(2)"><svg onload=alert(3)>',
  link: '<a href="javascript:alert(4)">javascript:alert(5)</a> <iframe srcdoc="<script>alert(6)</script>">',
  attribute: `" onmouseover="alert(7)" x='`,
  style: "</style><style>*{display:none}</style>",
  elsewhere: '<img src="http://192.0.2.1/x.png"><link rel=stylesheet href=//192.0.2.1/y.css>',
  comment: "<!-- ]]> {{constructor.constructor('alert(8)')()}}",
  terminal: "\u001b[2J\u001b[31mred\u001b]8;;http://192.0.2.1\u0007link\u001b]8;;\u0007",
  bidi: "\u202egnp.exe\u202c \u2066hidden\u2069 \u200b\u200e\ufeff",
  zero: "before\0after",
  odd: "lone \ud800 surrogate, \u2028 line, 👩‍🚀 日本",
  long: `${"word ".repeat(10_000)}${"x".repeat(50_000)}`,
} as const;
const names = Object.keys(texts) as (keyof typeof texts)[];

let folder: string;
const numbers: Record<string, number> = {};

/** Wherever a model, or a file's name, can say something. */
function episodesSaying(text: string): EpisodeEvent[] {
  const answer = plainEpisode({ question: text, label: text, prompt: text });
  const image = { index: 0, name: `${text}.png`, id: "good" };
  const rollouts = answer.rollouts.map((rollout) => ({ ...rollout, text, vote: text, failure: text }));
  const asked = curriculumEpisode({ round: 1, labels: [text, null] });
  const questions = asked.questions.map((question) => ({
    ...question,
    question: text,
    failure: text,
    ownAnswer: text,
    verdict: question.verdict && {
      ...question.verdict,
      silver: text,
      votes: [{ answer: text, count: 3 }],
      samples: 3,
    },
    completion: { ...question.completion, text },
    answers: rollouts.map(({ parts: _, reward: __, advantage: ___, ...each }) => each),
  }));
  const learnt = questions.map(({ rejection: _, label: __, ...question }) => ({
    ...question,
    checks: { [text.slice(0, 200)]: { passed: false, value: 0, threshold: 1 } },
    parts: { gate: 0, uncertainty: 1 },
    reward: 0,
    advantage: 0,
    referenceLogProbs: null,
  }));
  const { questions: _, ...place } = asked;
  const turns = [{ role: text.slice(0, 200), parts: [{ image: "good" }, text, { image: "absent" }] }];
  return [
    { ...answer, image, rollouts },
    { ...asked, image, questions },
    { ...place, image, type: "questionerEpisode", phase: "questioner", rollouts: learnt } as EpisodeEvent,
    { ...actedEpisode({ question: text, label: text, prompt: text, turns }, text), image },
  ];
}

beforeAll(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "visplay-hostile-")), '<img src=x onerror="alert(0)">');
  await using store = await ReplayStore.create(folder);
  let last = 0;
  for (const name of names) {
    numbers[name] = last + 1;
    const events = episodesSaying(texts[name]);
    last += events.length;
    await store.append(events);
  }
  const [first] = episodesSaying("what is to be seen ?");
  for (const id of ["absent", "damaged", "script", "good"]) {
    numbers[`picture ${id}`] = ++last;
    const path = `test/cases/pictures/files/${id === "damaged" ? "cut" : "444"}.jpg`;
    const images = id === "absent" ? [] : [{ id, extension: "jpg", bytes: () => readFile(path) }];
    await store.append([{ ...first, image: { index: 0, name: `${id}.jpg`, id } } as EpisodeEvent], images);
  }
  // What is no picture, whatever its name.
  await writeFile(
    join(folder, "images/script.jpg"),
    "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
  );
});
afterAll(() => rm(join(folder, ".."), { recursive: true }));

useBrowser();
const at = useInspector(() => [folder]);
const key = encodeURIComponent('<img src=x onerror="alert(0)">');

/** What must stand on the page of a text, as it is shown. */
const shown: Readonly<Record<keyof typeof texts, string>> = {
  ...texts,
  terminal: "\\u001b[2J\\u001b[31mred",
  bidi: "\\u202egnp.exe\\u202c",
  zero: "before\\u0000after",
  odd: "\\u2028",
  long: "word word word",
};

test.each(names)("%s stays text in a group of any phase", async (name) => {
  await using opened = await open(at());
  const { page, incidents } = opened;
  for (const i of [0, 1, 2, 3]) {
    await page.goto(at(`#/${key}/episodes/${(numbers[name] as number) + i}`));
    await page.locator("details.rollout").first().waitFor();
    await page.locator("main details:not(.rollout)").evaluateAll((all: { open: boolean }[]) => {
      for (const details of all) details.open = true;
    });
    const said = await textOf(page);
    expect(said).toContain(shown[name]);
    expect(said).not.toMatch(/[\u202a-\u202e\u2066-\u2069]|(?!\n|\t)\p{Cc}/u);
    const made = page.locator("main script, main iframe, main style, main [onerror], main [onload]");
    expect(await made.count()).toBe(0);
  }
  expect(incidents).toEqual([]);
});

test("all of them stay text in lists", async () => {
  for (const hash of [
    "",
    `#/${key}/episodes`,
    `#/${key}/questions`,
    `#/${key}/curriculum?at=2.0`,
    `#/${key}/compare`,
  ]) {
    await using opened = await open(at(hash));
    const { page, incidents } = opened;
    await says(page, "img src=x onerror");
    await page.waitForLoadState("networkidle");
    expect(await page.locator("main script, main iframe, main [onerror], main [onload]").count()).toBe(0);
    const [content, window] = (await page.evaluate(
      "[document.documentElement.scrollWidth, innerWidth]",
    )) as number[];
    expect(content).toBeLessThanOrEqual(window as number);
    expect([hash, ...incidents]).toEqual([hash]);
  }
});

test.each(["absent", "script"])("a picture that is %s leaves its place", async (id) => {
  await using opened = await open(at(`#/${key}/episodes/${numbers[`picture ${id}`]}`));
  await says(opened.page, "The image was not stored, or its file is damaged.");
  expect(opened.incidents).toEqual([]);
});

test("a picture that is cut short harms nothing", async () => {
  await using opened = await open(at(`#/${key}/episodes/${numbers["picture damaged"]}`));
  await opened.page.locator("details.rollout").first().waitFor();
  await opened.page.waitForLoadState("networkidle");
  expect(opened.incidents).toEqual([]);
});

test("a picture that is whole is shown", async () => {
  await using opened = await open(at(`#/${key}/episodes/${numbers["picture good"]}`));
  const picture = opened.page.locator(".viewer img");
  await expect
    .poll(() => picture.evaluate((image: { naturalWidth: number }) => image.naturalWidth))
    .toBeGreaterThan(1);
});
