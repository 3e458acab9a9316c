import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { duration } from "../../cli/format.ts";
import { LiveLine } from "../../cli/live_line.ts";
import { RunLine } from "../../cli/run_line.ts";
import type { Activity } from "../../policy/embedded/activity.ts";
import type { RunEvent } from "../../replay/events.ts";
import type { Phase } from "../../replay/stages.ts";
import { configOf } from "../fakes/config.ts";
import { healthy } from "../fakes/health.ts";
import { at, attributed, reasonerStep } from "../fakes/run_events.ts";

const config = configOf({
  rounds: 2,
  curriculum: { evidence: { use: "none" } },
  coEvolution: { questions: 0 },
  reasoner: {
    ...{ stepsPerRound: 200, itemsPerStep: 32 },
    imitation: { itemsPerStep: 0, descriptionsPerStep: 0 },
  },
});

const started = (seconds: number, round: number, phase: Phase, steps = 4) =>
  at(seconds, { type: "phaseStarted", round, phase, steps });
const finished = (seconds: number, round: number, phase: Phase, took: number) =>
  at(seconds, { type: "phaseFinished", round, phase, durationMs: took * 1000, figures: null });
const evaluationAt = (seconds: number, done: number) =>
  at(seconds, { type: "evaluationProgress", round: 0, phase: "evaluation", done, total: 4 });
const questionerStep = (seconds: number, step: number) =>
  at(seconds, {
    type: "questionerStep",
    round: 1,
    phase: "questioner",
    role: "questioner",
    step,
    steps: 4,
    durationMs: 5000,
    timingsMs: {},
    sampledTokens: 6000,
    failed: 0,
    health: healthy,
    meanReward: 0.413,
    groups: 16,
    droppedGroups: 2,
    meanTokens: 12,
    truncatedShare: 0,
    update: null,
    questions: 128,
    meanConfidence: 0.72,
    verified: null,
    audit: null,
    checks: {},
    parts: {},
  });

function progressAfter(...events: RunEvent[]): RunLine {
  const progress = new RunLine(config);
  for (const event of events) progress.apply(event);
  return progress;
}

describe("the line", () => {
  test("starts without an estimate", () => {
    expect(new RunLine(config).line(0)).toBe("starting");
    expect(progressAfter(started(0, 0, "evaluation")).line(1000)).toBe(
      "base · evaluation · step 0/4 · ETA …",
    );
  });

  test("shows phase, step, time left, tokens per second, reward and confidence", () => {
    const line = progressAfter(
      started(0, 0, "evaluation"),
      finished(20, 0, "evaluation", 20),
      started(20, 1, "questioner"),
      questionerStep(25, 0),
      questionerStep(30, 1),
    ).line(30_000);
    // Left: 10 s of this phase, 20 s of another like it, two evaluations of 20 s; and, at 5/6 ms a token, twice
    // 3600 questions of 12 tokens with 8 votes of 3.4875, and 200 steps of 32 items with 8 answers: 119.7 and 148.8 s.
    expect(line).toBe(
      "round 1/2 · questioner · step 2/4 · ETA 10 min 07 s · reward 0.41 · confidence 0.72 · 1,200 tokens/s",
    );
  });
});

describe("a step that takes long", () => {
  const activities: { [Role in "questioner" | "reasoner"]: { now: Activity | null } } = {
    questioner: { now: null },
    reasoner: { now: null },
  };
  const progress = new RunLine(config, activities);

  test("shows how far its policies are, and no other step does", () => {
    progress.apply(started(10, 1, "questioner"));
    activities.questioner.now = { kind: "sampling", done: 310, total: 1280, tokens: 45_310 };
    expect(progress.line(14_000)).toBe("round 1/2 · questioner · step 0/4 · ETA …");
    expect(progress.line(16_000)).toBe(
      "round 1/2 · questioner · step 0/4 · asking 310/1,280 (45,310 tokens) · ETA …",
    );
    activities.questioner.now = { kind: "scoring", done: 1, total: 4, tokens: 0 };
    activities.reasoner.now = { kind: "sampling", done: 0, total: 10_240, tokens: 0 };
    expect(progress.line(16_000)).toContain(" · scoring 1/4 · answering 0/10,240 · ETA");
    activities.reasoner.now = { kind: "scoring", done: 1, total: 2, tokens: 0 };
    expect(progress.line(16_000)).toContain(" · step 0/4 · scoring 2/6 · ETA");
    activities.reasoner.now = { kind: "sampling", done: 0, total: 10_240, tokens: 0 };
    progress.apply(questionerStep(20, 0));
    expect(progress.line(21_000)).not.toContain("answering");
    expect(progress.line(26_000)).toContain("answering");
    expect(progress.lastLine(26_000)).not.toContain("answering");
  });
});

describe("the time left", () => {
  const eta = (progress: RunLine, seconds: number) =>
    /ETA ([^·]+?)( ·|$)/.exec(progress.line(seconds * 1000))?.[1];

  test("counts down between steps and never falls below what is to come", () => {
    const progress = progressAfter(started(0, 0, "evaluation"), evaluationAt(10, 2));
    // 4 steps of 5 s here, then 2 rounds of 4 phases expected to last as long.
    expect(eta(progress, 10)).toBe("2 min 50 s");
    expect(eta(progress, 15)).toBe("2 min 45 s");
    expect(eta(progress, 60)).toBe("2 min 40 s");
  });

  test("uses what phases of the same kind took, and passes over phases that did not happen", () => {
    const progress = progressAfter(
      started(0, 1, "questioner"),
      finished(40, 1, "questioner", 40),
      started(40, 1, "curriculum"),
      finished(100, 1, "curriculum", 60),
      started(100, 1, "evaluation"), // an empty curriculum: no Reasoner phase
      finished(120, 1, "evaluation", 20),
    );
    expect(eta(progress, 120)).toBe(duration((40 + 60 + (40 + 60 + 20) / 3 + 20) * 1000));
  });

  test("is not guessed from what comes only once", () => {
    for (const phase of ["trial", "warmUp"] as const) {
      const progress = progressAfter(started(0, 0, phase, 1), finished(30, 0, phase, 30));
      progress.apply(started(30, 1, "questioner"));
      expect(eta(progress, 31)).toBe("…");
    }
  });

  test("is nothing at the end", () => {
    const progress = progressAfter(started(0, 2, "evaluation"), finished(20, 2, "evaluation", 20));
    expect(eta(progress, 20)).toBe("0 s");
  });
});

describe("lines that stay", () => {
  test("a run that ends early leaves where it stood", () => {
    expect(new RunLine(config).lastLine(0)).toBeUndefined();
    expect(progressAfter(started(0, 1, "questioner"), questionerStep(5, 0)).lastLine(5000)).toBe(
      "round 1/2 · questioner · step 1/4 · reward 0.41 · confidence 0.72 · 1,200 tokens/s",
    );
  });

  test("a phase's end is summed up", () => {
    const progress = progressAfter(started(20, 1, "questioner"), questionerStep(25, 0));
    expect(progress.apply(finished(95, 1, "questioner", 75))).toBe(
      "round 1/2 · questioner · took 1 min 15 s · reward 0.41 · confidence 0.72 · 1,200 tokens/s",
    );
  });

  test("a skipped image is named", () => {
    const failed = at(1, {
      type: "rolloutFailed",
      round: 1,
      phase: "questioner",
      step: 0,
      during: "load",
      image: { index: 3, name: "cats/7.png" },
      reason: "found 0 bytes, expected an image",
    });
    expect(new RunLine(config).apply(failed)).toBe("skipped cats/7.png: found 0 bytes, expected an image");
  });

  test("steps leave none", () => {
    expect(progressAfter(started(0, 1, "questioner")).apply(questionerStep(5, 0))).toBeUndefined();
  });
});

describe("the live line on a screen", () => {
  beforeEach(() => void vi.useFakeTimers({ now: 0 }));
  afterEach(() => void vi.useRealTimers());

  function shown(isTTY: boolean, columns = 200, terminal = "xterm") {
    const written: string[] = [];
    const screen = { isTTY, columns, write: (text: string) => written.push(text) };
    const progress = progressAfter(started(0, 1, "questioner"), questionerStep(5, 0));
    using live = new LiveLine((nowMs) => progress.line(nowMs), screen, terminal);
    vi.advanceTimersByTime(31_000);
    live.say("kept");
    return written;
  }

  test.each([
    ["without a terminal", false, "xterm"],
    ["in one that cannot go back", true, "dumb"],
  ])("%s writes plain lines at a calm rate", (_, isTTY, terminal) => {
    const written = shown(isTTY, 200, terminal);
    expect(written).toHaveLength(2);
    expect(written[0]).toMatch(/^round 1\/2 · questioner · step 1\/4 .*\n$/);
    expect(written.at(-1)).toBe("kept\n");
    expect(written.join("")).not.toContain("\u001b");
  });

  test("in a terminal rewrites one line, cut to the width", () => {
    const written = shown(true, 20);
    const live = written.filter((text) => !text.endsWith("\n"));
    expect(live.length).toBeGreaterThan(100);
    for (const text of live) expect(text.replace("\r\u001b[2K", "").length).toBeLessThan(20);
    expect(written.filter((text) => text.endsWith("\n"))).toEqual(["\r\u001b[2Kkept\n"]);
  });
});

describe("at 80 columns", () => {
  const words = (text: string) => text.split(/\s+/).filter(Boolean);

  function screenOf(columns: number) {
    const written: string[] = [];
    return { isTTY: true, columns, written, write: (text: string) => written.push(text) };
  }

  test("the live line leaves out whole figures", () => {
    vi.useFakeTimers({ now: 0 });
    const line =
      "round 2/3 · reasoner · step 116/200 · ETA 3 min 31 s · reward 0.96 · confidence 0.93 · 火火火火";
    for (const columns of [20, 40, 60, 80, 100]) {
      const screen = screenOf(columns);
      using _live = new LiveLine(() => line, screen, "xterm");
      vi.advanceTimersByTime(250);
      const shown = screen.written[0]?.replace("\r\u001b[2K", "") as string;
      expect(shown.length).toBeLessThan(columns);
      expect(line.startsWith(`${shown} · `) || shown === line).toBe(true);
    }
    vi.useRealTimers();
  });

  test("lines that stay break between words", () => {
    const screen = screenOf(80);
    const text = `ALARM in round 1, questioner: ${"92% of the questions do not parse, ".repeat(6)}`.trim();
    using live = new LiveLine(() => "", screen, "xterm");
    live.say(text);
    const lines = (screen.written[0] as string).replace("\r\u001b[2K", "").trimEnd().split("\n");
    expect(lines.length).toBeGreaterThan(2);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(words(lines.join(" "))).toEqual(words(text));
  });
});

test("what models and files bring along does nothing to a terminal", () => {
  const written: string[] = [];
  const screen = { isTTY: true, columns: 80, write: (text: string) => written.push(text) };
  using live = new LiveLine(() => "a\u001b[31mb", screen, "xterm");
  live.say("skipped \u001b]0;title\u0007 \u202ecod.exe");
  const said = written.join("").replaceAll("\r\u001b[2K", "");
  expect(said).toBe("skipped \\u001b]0;title\\u0007 \\u202ecod.exe\na\\u001b[31mb");
});

test("durations", () => {
  expect([0, 59_400, 59_600, 250_000, 3_900_000].map(duration)).toEqual([
    "0 s",
    "59 s",
    "1 min 00 s",
    "4 min 10 s",
    "1 h 05 min",
  ]);
});

describe("why an image was left out", () => {
  const failed = (step: number, name: string, reason: string) =>
    at(step, {
      type: "rolloutFailed",
      round: 1,
      phase: "questioner",
      step,
      during: "load",
      image: { index: 0, name },
      reason,
    });

  test("is said once, of two rows of a picture, too", () => {
    const progress = new RunLine(config);
    expect(progress.apply(failed(1, "a.png", "90 tokens"))).toBe("skipped a.png: 90 tokens");
    expect(progress.apply(failed(2, "a.png", "80 tokens"))).toBe("skipped a.png: 80 tokens");
    expect(progress.apply(failed(3, "b.png", "90 tokens"))).toBe("skipped b.png: 90 tokens");
    for (const reason of ["90 tokens", "80 tokens"])
      expect(progress.apply(failed(4, "a.png", reason))).toBeUndefined();
  });

  test("is counted beyond twenty lines of a phase", () => {
    const progress = progressAfter(started(0, 1, "questioner"));
    const lines = Array.from({ length: 50 }, (_, i) => progress.apply(failed(1, `${i}.png`, "truncated")));
    expect(lines.filter((line) => line !== undefined)).toHaveLength(20);
    expect(progress.apply(finished(9, 1, "questioner", 9))).toMatch(/^skipped: and 30 more\nround 1/);
    expect(progress.apply(failed(10, "new.png", "gone"))).toBe("skipped new.png: gone");
    expect(progress.apply(failed(11, "49.png", "truncated"))).toBeUndefined();
  });
});

describe("a Questioner of whose questions none parsed", () => {
  const rollout = { completion: { tokens: [], logProbs: [], text: "A dog\u001b[2J", finishReason: "stop" } };
  const episode = at(1, {
    ...{ type: "questionerEpisode", round: 1, phase: "questioner", step: 0, prompt: "ask" },
    ...{ image: { index: 0, name: "a.png", id: "a" }, versions: { questioner: 0, reasoner: 0 } },
    rollouts: [rollout],
  } as never);
  const stepWith = (malformedQuestions: number, step: number) => {
    const event = questionerStep(5, step);
    return { ...event, health: { ...healthy, malformedQuestions } } as RunEvent;
  };

  test("is told of once, with what it wrote and the settings to change", () => {
    const progress = new RunLine(config);
    progress.apply(started(0, 1, "questioner"));
    expect(progress.apply(episode)).toBeUndefined();
    const line = progress.apply(stepWith(1, 0));
    expect(line).toContain("no question parsed");
    expect(line).toContain("warmUp.steps");
    expect(line).toContain('"A dog\\u001b[2J"');
    progress.apply(episode);
    expect(progress.apply(stepWith(1, 1))).toBeUndefined();
  });

  test("is none where a question parsed", () => {
    const progress = new RunLine(config);
    progress.apply(episode);
    expect(progress.apply(stepWith(0.98, 0))).toBeUndefined();
  });
});

test("says with a phase's first step where few descriptions can be used", () => {
  const said = (usable: number, step: number) =>
    new RunLine(config).apply(at(1, reasonerStep({ step, attribution: attributed({ usable }) })));
  expect(said(0.25, 0)).toMatch(/^notice: 25\.0% of the descriptions can be used.*prompts\.describer/);
  expect(said(0.25, 1)).toBeUndefined();
  expect(said(0.75, 0)).toBeUndefined();
});

test("what a step found out about sampling is said", () => {
  const { update, ...step } = reasonerStep();
  const news = ["sampled in 32 bits: lm_head (error 0.2)", "another"];
  const sampler = { precision: "int8", floatLayers: ["lm_head"], news };
  const said = (found: typeof sampler) =>
    new RunLine(config).apply(at(5, { ...step, update: update && { ...update, sampler: found } }));
  expect(said(sampler)).toBe(`notice: ${news[0]}\nnotice: another`);
  expect(said({ ...sampler, news: [] })).toBeUndefined();
});
