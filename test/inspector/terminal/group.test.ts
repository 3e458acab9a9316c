import stringWidth from "string-width";
import { expect, test } from "vitest";
import { groupText, placeText } from "../../../inspector/terminal/group.ts";
import { cut, wrapped } from "../../../inspector/terminal/layout.ts";
import type {
  AnswerRecord,
  QuestionerEpisode,
  ReasonerEpisode,
  ReasonerRollout,
  RunEvent,
} from "../../../replay/events.ts";
import { actedEpisode } from "../../replay/acted_episode.ts";
import { curriculumEpisode, plainEpisode, RandomEvents } from "../../replay/events.ts";
import { writeReplay } from "../replays.ts";

const config = {
  questioner: { reward: { form: "visplay" } },
  reasoner: { reward: { agreement: 0.9, format: 0.1 } },
};
const options = { width: 80, config, says: false };

test("a Reasoner's group: what it is rewarded for, votes as clusters, rewards that add up", () => {
  const [first] = plainEpisode().rollouts;
  if (!first) throw new Error("an episode without rollouts");
  const { reward, ...rest } = first;
  const rollouts = [
    { ...rest, reward: 1, advantage: 0.7 },
    { ...rest, reward: 0.1, parts: { agreement: 0, format: 0.1 }, vote: "blue", advantage: -0.7 },
    {
      ...rest,
      reward: 0,
      parts: { agreement: 0, format: 0 },
      vote: null,
      outcome: "unparsed" as const,
      failure: "no tag",
      finishReason: "length" as const,
      text: "red",
      advantage: 0,
    },
  ];
  const event = plainEpisode({
    rollouts: [{ ...rollouts[0], parts: { agreement: 1, format: 1 } }, ...rollouts.slice(1)] as never,
  });
  expect(groupText(event, options)).toBe(
    `prompt
  Look. which colour ? Answer.

which colour ?
rewarded for red, which 75% of the votes said, about view 2 of the picture
reward 0.37 on average, deviation 0.55

agrees     1 of 3  █ red
disagrees  1 of 3  ▒ blue
no vote    1 of 3  · unparsed

1   red · agrees · reward 1.00 · advantage +0.70
    weight 0.900 × agreement 1 + weight 0.100 × format 1 = reward 1.000
    │ <answer> red </answer>

2   blue · disagrees · reward 0.10 · advantage −0.70
    weight 0.900 × agreement 0 + weight 0.100 × format 0.100 = reward 0.100
    the parts come to 0.0100, not to the 0.1000 that was recorded
    │ <answer> red </answer>

3   no tag · no vote · reward 0.00 · advantage 0.00
    weight 0.900 × agreement 0 + weight 0.100 × format 0 = reward 0.000
    │ red (cut off)`,
  );
});

test("an answer that was looked at again: what was said to be seen, what followed from that, and the cause", () => {
  const [first, ...others] = plainEpisode().rollouts;
  const attribution = {
    ...{ description: "a red circle", checks: { base: 0.25 }, conclusion: "blue" },
    ...{ described: false, concluded: false, cause: "grounding", by: "consensus" as const },
  };
  const textWith = (change: Partial<typeof attribution> | object) =>
    groupText(
      plainEpisode({
        rollouts: [{ ...first, attribution: { ...attribution, ...change } }, ...others] as never,
      }),
      options,
    );
  expect(textWith({})).toContain(
    `    grounding: the picture was misread
      said to see, wrong · the run's base 0.25:
      │ a red circle
      answered from that alone: blue, wrong by the consensus
`,
  );
  const unknown = { described: null, concluded: null, cause: null };
  expect(textWith({ ...unknown, description: null, conclusion: null })).toContain(
    `    where it went wrong cannot be said
      said to see: nothing usable
`,
  );
  const right = { described: true, concluded: true, cause: null, by: "truth", checks: { truth: 1 } };
  expect(textWith(right)).toContain("    seen and understood\n      said to see, right · the truth 1.00:\n");
  expect(textWith({ cause: "of a later release" })).toContain("    of a later release\n");
  expect(groupText(plainEpisode(), options)).not.toContain("said to see");
});

test("a question of the curriculum: what a description alone says, from which answer, and that nobody described it", () => {
  const event = curriculumEpisode({ round: 1, labels: ["red"] });
  const described = (changes: object) => {
    const [question] = event.questions;
    const verdict = { ...question?.verdict, silver: "blue" };
    const record = { descriptions: ["a dot"], description: "<see> a dot </see>", solution: null, verdict };
    return groupText(
      { ...event, questions: [{ ...question, described: { ...record, ...changes } }] } as never,
      options,
    );
  };
  expect(described({})).toContain(`    from a description alone: blue
      │ <see> a dot </see>
`);
  expect(described({ solution: "so blue" })).toContain("      │ so blue\n");
  expect(described({ verdict: { silver: null } })).toContain("from a description alone: no answer\n");
  expect(described({ description: undefined, solution: undefined })).not.toContain("│ <see>");
  expect(groupText(event, options)).not.toContain("from a description");
});

test("a group without advantages is said to have taught nothing, one with them is not", () => {
  expect(groupText(plainEpisode(), options)).toContain("this group taught nothing");
  const [first, second] = plainEpisode().rollouts;
  const taught = plainEpisode({ rollouts: [{ ...first, advantage: 1 }, second] as never });
  expect(groupText(taught, options)).not.toContain("taught nothing");
});

test("trajectories: turn by turn, what each earned and let be read, how they ended, what the turns come to", () => {
  const turns = [{ role: "user", parts: [{ image: "first" }, "and ", { image: "second" }] }];
  const text = groupText(actedEpisode({ turns, label: null }), { ...options, config: null });
  expect(text).toBe(
    `prompt
  user
  ┊ [picture first]
  ┊ and
  ┊ [picture second]

which colour ?
rewarded by the environment
reward 0.30 on average, deviation 0.71
this group taught nothing: none of it has an advantage, and it is left out of
the update

succeeds      1 of 3  █ red
out of turns  1 of 3  ░ red
fault         1 of 3  · red

1   red · succeeds · reward 0.80 · advantage 0.00
    turn 1 · calls zoom · price −0.100
    │ look red
      tool
      ┊ nearer red:
      ┊ [picture image-3]
    turn 2 · price −0.100 · correct 1
    │ it is red
    all turns · price −0.200 · correct 1
    how its parts make this reward is not known here

2   red · out of turns · reward −0.20 · advantage 0.00
    turn 1 · calls zoom · price −0.100
    │ look red
      tool
      ┊ nearer red:
      ┊ [picture image-3]
    turn 2 · price −0.100 · correct 0
    │ it is red
    all turns · price −0.200 · correct 0
    failed from turn 2 on: a wrong use of what a tool answered
    how its parts make this reward is not known here

3   red · fault · reward – · advantage 0.00
    turn 1 · calls red, wrong red · price −0.100
    │ look red
      tool
      ┊ nearer red:
      ┊ [picture image-3]
    turn 2
    │ it is red
    all turns · price −0.100
    fault, late: step took more than 1 s red
    nobody could judge it: no reward, and nothing is learnt from it`,
  );
  const [first, ...others] = actedEpisode().rollouts;
  const other = { ...first, parts: { price: -0.3, correct: 1 } };
  const wrong = { ...actedEpisode(), rollouts: [other, ...others] } as ReasonerEpisode & RunEvent;
  expect(groupText(wrong, options)).toContain("that is not what was recorded: price −0.300 · correct 1");
});

test("a turn that is credited with what was earned from it on has an advantage of its own", () => {
  const [first, ...others] = actedEpisode().rollouts;
  const { trajectory } = first as ReasonerRollout;
  const turns = (trajectory?.turns ?? []).map((turn, i) => ({ ...turn, advantage: i - 0.25 }));
  const own = { ...first, trajectory: { ...trajectory, turns } };
  const text = groupText({ ...actedEpisode(), rollouts: [own, ...others] } as never, options);
  expect(text).toContain("turn 1 · calls zoom · price −0.100 · advantage −0.25\n");
  expect(text).toContain("turn 2 · price −0.100 · correct 1 · advantage +0.75\n");
  // Though the trajectories' own are 0.
  expect(text).not.toContain("taught nothing");
});

function questioner(): QuestionerEpisode & RunEvent {
  const answer = (vote: string) => ({
    ...{ tokens: [1], logProbs: [0], text: `I see ${vote}.`, finishReason: "stop" as const },
    ...{ outcome: "answered" as const, vote, failure: null, trajectory: null, verified: null },
  });
  const { rollouts: _, question: __, label: ___, confidence: ____, view: _____, ...place } = plainEpisode();
  return {
    ...place,
    type: "questionerEpisode",
    phase: "questioner",
    role: "questioner",
    rollouts: [
      {
        completion: { tokens: [1], logProbs: [0], text: "is it red ?", finishReason: "stop" },
        question: "is it red ?",
        failure: null,
        ownAnswer: "yes",
        answers: ["yes", "no", "yes"].map(answer),
        blindAnswers: ["no"].map(answer),
        verdict: {
          ...{
            silver: "yes",
            confidence: 2 / 3,
            abstentions: 0,
            parseFailures: 0,
            samples: 3,
            verified: null,
          },
          votes: [
            { answer: "yes", count: 2 },
            { answer: "no", count: 1 },
          ],
        },
        checks: { blind: { passed: true, value: 0, threshold: 0.5 } },
        parts: { gate: 1, form: 1, uncertainty: 0.5, penalty: 0.25 },
        reward: 0.25,
        advantage: 1,
        referenceLogProbs: null,
      },
    ],
  };
}

test("a Questioner's group: gate, sum, and blind votes beside those on the picture", () => {
  const text = groupText(questioner(), options);
  expect(text.slice(text.indexOf("1   "))).toBe(
    `1   is it red ?
    reward 0.25 · advantage +1.00
    gate 1 × form 1 × max(0, uncertainty 0.500 − penalty 0.250) = reward 0.250
    gate   value  threshold  outcome
    blind      0      0.500  passed
    answers: silver yes, confidence 0.67   blind: without the picture
    agrees     2 of 3  ██ yes              disagrees  1 of 1  ▒ no
    disagrees  1 of 3  ▒ no
    the asker's own answer: yes
    │ is it red ?`,
  );
  expect(text).not.toContain("I see");
  expect(groupText(questioner(), { ...options, says: true })).toMatch(/│ I see yes\. +│ I see no\./);
  expect(groupText(questioner(), { ...options, width: 50 })).toMatch(/▒ no\n +blind: without/);
});

test("votes that tools verified are marked, and shown turn by turn", () => {
  const event = questioner();
  const [question, ...others] = event.rollouts;
  if (!question?.verdict) throw new Error("a question without votes");
  const turns = [
    { text: "I look.", parts: {}, call: { tool: "zoom", fault: null }, advantage: null },
    { text: "I see yes.", parts: {}, call: null, advantage: null },
  ];
  const read = [{ role: "tool", parts: ["seen"] }];
  const trajectory = {
    observations: [{ after: 1, turns: read }],
    ...{ turns, end: "done" as const, success: null, fault: null, failure: null },
  };
  const answers = question.answers.map(
    (answer, i): AnswerRecord =>
      i === 0 ? { ...answer, tokens: [1, 2], verified: true, trajectory } : { ...answer, verified: false },
  );
  const verdict = { ...question.verdict, verified: 1 };
  const shown = { ...event, rollouts: [{ ...question, answers, verdict, blindAnswers: [] }, ...others] };
  const text = groupText(shown, { ...options, width: 140, says: true });
  expect(text).toContain("answers: silver yes, confidence 0.67, 33% verified by tools");
  expect(text).toMatch(/agrees +2 of 3, 1 verified +██ yes/);
  expect(text).toMatch(/disagrees +1 of 3 +▒ no/);
  expect(text).toMatch(/turn 1 · calls zoom\n +│ I look\.\n +turn 2\n +│ I see yes\./);
});

test.each([30, 80, 131])("whatever models wrote, lines fit %i cells and steer no terminal", async (width) => {
  const random = new RandomEvents(11);
  const events = (["questionerEpisode", "curriculumEpisode", "reasonerEpisode"] as const).flatMap((type) =>
    Array.from({ length: 30 }, () => random.episode(type)),
  );
  await using replay = await writeReplay(events);
  for (const { head, event } of replay.episodes()) {
    const text = `${placeText(head, width)}\n${groupText(event, { ...options, width, says: true })}`;
    expect(text).not.toMatch(/(?!\n)\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u);
    for (const line of text.split("\n")) expect(stringWidth(line)).toBeLessThanOrEqual(width);
  }
});

test("a text of 100,000 characters is wrapped with nothing lost", () => {
  const text = "ab 日本 ".repeat(20_000);
  const lines = wrapped(text, 60);
  expect(lines.join("").replaceAll(" ", "")).toBe(text.replaceAll(" ", ""));
  for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(60);
});

test("what is cut ends in an ellipsis, wide characters count twice", () => {
  expect(cut("which colour ?", 14)).toBe("which colour ?");
  expect(cut("which colour ?", 13)).toBe("which colour…");
  expect(cut("日本語", 5)).toBe("日本…");
  expect(cut("two\nlines\u001b[31m", 40)).toBe("two lines\\u001b[31m");
});
