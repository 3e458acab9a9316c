import { expect, test } from "vitest";
import { type ActivityKind, ActivityReport, ActivityView } from "../../../policy/embedded/activity.ts";
import { LocalPolicy } from "../../../policy/embedded/local_policy.ts";
import { openPolicy } from "../../../policy/parallel/open_policy.ts";
import { askedIn } from "../../fakes/prompts.ts";
import { questions, sampling, tinyFolder, tinyOptions } from "../tiny.ts";

test("what threads are at is told of all that are at the same, until it is done", () => {
  const view = new ActivityView();
  const [one, two] = [new ActivityReport(view.join()), new ActivityReport(view.join())];
  expect(view.now).toBeNull();
  one.begin("sampling", 8);
  two.begin("sampling", 6);
  one.advance();
  one.token();
  two.token();
  two.advance();
  two.advance();
  expect(view.now).toEqual({ kind: "sampling", done: 3, total: 14, tokens: 2 });
  two.begin("updating", 2);
  expect(view.now).toEqual({ kind: "sampling", done: 1, total: 8, tokens: 1 });
  for (let i = 0; i < 7; i++) one.advance();
  expect(view.now).toEqual({ kind: "updating", done: 0, total: 2, tokens: 0 });
  two.begin("encoding", 0);
  expect(view.now).toBeNull();
});

test("a policy tells of every call how much of it is done, in the order in which it does it", async () => {
  const view = new ActivityView();
  await using policy = await LocalPolicy.open(tinyFolder, { ...tinyOptions, activityCells: view.join() });
  const told: [ActivityKind, number][] = [];
  const { activity } = policy;
  const { begin, advance } = activity;
  let done = 0;
  activity.begin = (kind, total) => {
    expect(view.now).toBeNull();
    done = 0;
    if (total > 0) told.push([kind, total]);
    begin.call(activity, kind, total);
  };
  activity.advance = () => {
    const [kind, total] = told.at(-1) as (typeof told)[0];
    expect(view.now).toMatchObject({ kind, done, total });
    if (kind === "sampling") expect(view.now?.tokens).toBeGreaterThan(done);
    done++;
    advance.call(activity);
  };
  const prompts = questions(3);
  const completions = await policy.sample(prompts, sampling);
  const images = new Set(prompts.map((prompt) => askedIn(prompt).image.id)).size;
  expect(told.splice(0)).toEqual([
    ["encoding", images],
    ["sampling", prompts.length * sampling.groupSize],
  ]);
  const groups = prompts.map((prompt, i) => ({
    prompt,
    completions: completions[i] ?? [],
  }));
  await policy.score(groups, { weights: "policy", temperature: 1 });
  await policy.supervise([{ prompt: prompts[0] as (typeof prompts)[0], completion: "two" }], {
    learningRate: 0,
  });
  expect(told).toEqual([
    ["scoring", 1],
    ["updating", 1],
  ]);
  expect(view.now).toBeNull();
});

test("threads tell it without being asked", async () => {
  const view = new ActivityView();
  const options = { ...tinyOptions, threads: 2, name: "told", replicas: 2, activity: view };
  await using policy = await openPolicy(tinyFolder, options);
  const prompts = questions(4);
  const seen = new Set<string>();
  const watching = setInterval(() => {
    const now = view.now;
    if (now) seen.add(now.kind);
  }, 1);
  await policy.sample(prompts, { ...sampling, groupSize: 8, maxTokens: 200, ignoreEos: true });
  clearInterval(watching);
  expect(seen).toContain("sampling");
  expect(view.now).toBeNull();
});
