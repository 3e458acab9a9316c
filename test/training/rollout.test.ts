import { describe, expect, it } from "vitest";
import { imageOf } from "../../images/image.ts";
import type { Completion, Prompt, Turn } from "../../policy/port.ts";
import { textOf } from "../../policy/prompts.ts";
import { type Environment, EnvironmentFault, type Outcome } from "../../training/environment.ts";
import type { Acted } from "../../training/judgement.ts";
import {
  type ActedIn,
  type AskedTurn,
  type RolloutOptions,
  rollOut,
  type SampleTurn,
  type Trajectory,
} from "../../training/rollout.ts";

const picture = imageOf(1, 1, new Uint8Array(3));
const beginning = (text: string) => ({
  prompt: { turns: [{ role: "user", parts: [picture, text] }] } as Prompt,
  state: [text],
});

/** Says what was said so far and one word more, a token for each letter. */
function completionOf({ prompt }: AskedTurn, member: number): Completion {
  const own = prompt.turns.filter(({ role }) => role === "assistant").length;
  const text = `${textOf(prompt).split("\n")[0]}${own}${member}`;
  return {
    tokens: Int32Array.from(text, (letter) => letter.charCodeAt(0)),
    logProbs: Float32Array.from(text, (_, i) => -i - own - 1),
    text,
    finishReason: own === 1 ? "length" : "stop",
  };
}

/** All calls, by the tasks that they were about. */
function sampler(refused: (asked: AskedTurn, turn: number) => boolean = () => false) {
  const calls: { tasks: number[]; groupSize: number; turn: number }[] = [];
  const sample: SampleTurn = async (asked, groupSize, turn) => {
    calls.push({ tasks: asked.map(({ task }) => task), groupSize, turn });
    return asked.map((each) =>
      refused(each, turn)
        ? null
        : Array.from({ length: groupSize }, (_, member) => completionOf(each, member)),
    );
  };
  return { calls, sample };
}

type Step = (said: readonly string[], text: string) => Outcome;

/** An environment whose state is all that was said, the beginning first. */
function environment(step: Step): Pick<Environment, "step"> {
  return { step: async (state, { text }) => step(state as string[], text) };
}

const goOn = (said: readonly string[], text: string, parts = {}): Outcome => ({
  turns: [{ role: "tool", parts: [`seen ${text}`, picture] }],
  state: [...said, text],
  parts,
});

/** As many turns as the task's name says. */
const counted: Step = (said, text) => {
  const parts = { said: 1, ...(said.length === 1 && { first: 0.5 }) };
  if (said.length < Number(said[0]?.slice(1))) return goOn(said, text, parts);
  return { turns: null, parts, success: text.endsWith("0") };
};

const play = (texts: string[], step: Step, options: Partial<RolloutOptions> = {}, given = sampler()) =>
  rollOut(texts.map(beginning), environment(step), given.sample, { groupSize: 2, maxTurns: 5, ...options });

describe("a trajectory as a whole", () => {
  const texts = (acted: Acted) => acted.turns.map(({ text, heard }) => [text, heard]);

  it("is judged at its end, by all that was said and read, in place of parts of its last turn", async () => {
    const seen: Acted[] = [];
    const judge = (acted: Acted) => {
      seen.push(acted);
      return { said: 10, turns: acted.turns.length };
    };
    const [[first] = []] = (await play(["a3"], counted, { judge, groupSize: 1 })) as Trajectory[][];
    expect(seen.map(texts)).toEqual([
      [
        ["a300", ["seen a300"]],
        ["a310", ["seen a310"]],
        ["a320", []],
      ],
    ]);
    expect(seen[0]?.turns.map(({ truncated }) => truncated)).toEqual([false, true, false]);
    expect(seen[0]?.success).toBe(true);
    expect(first?.turns.map(({ parts }) => parts)).toEqual([
      { said: 1, first: 0.5 },
      { said: 1 },
      { said: 10, turns: 3 },
    ]);
    expect(first?.parts).toEqual({ said: 12, first: 0.5, turns: 3 });
  });

  it("is judged, too, where it had no turn left, and not where its environment failed or cannot judge", async () => {
    const judge = () => ({ whole: 1 });
    const [[unfinished] = []] = (await play(["a9"], counted, { judge, maxTurns: 2 })) as Trajectory[][];
    expect(unfinished).toMatchObject({ end: "turns", parts: { said: 2, whole: 1 } });
    const broken: Step = () => {
      throw new EnvironmentFault("threw", "lost");
    };
    const unjudged: Step = () => ({ turns: null, parts: null, success: false });
    for (const step of [broken, unjudged]) {
      const [[only] = []] = (await play(["a1"], step, { judge })) as Trajectory[][];
      expect(only).toMatchObject({ parts: null, failure: null });
      expect(only?.turns.map(({ parts }) => parts)).toEqual([{}]);
    }
  });

  it("has what its first turn says of the picture judged, where the environment can", async () => {
    const told: [unknown, string][] = [];
    const judging: ActedIn = {
      ...environment(counted),
      understanding: async (state, text) => {
        told.push([state, text]);
        return text.endsWith("0") ? 0.25 : null;
      },
    };
    const options = { groupSize: 2, maxTurns: 5 };
    const groups = await rollOut([beginning("a2")], judging, sampler().sample, options);
    expect(told).toEqual([
      [["a2"], "a200"],
      [["a2"], "a201"],
    ]);
    const parts = groups[0]?.map(({ turns }) => turns.map((turn) => turn.parts));
    expect(parts).toEqual([
      [{ said: 1, first: 0.5, understanding: 0.25 }, { said: 1 }],
      [{ said: 1, first: 0.5 }, { said: 1 }],
    ]);
  });

  it("that fails says where that began; one that succeeds does not", async () => {
    const calls: Step = (said, text) => {
      if (said.length < 3) {
        const fault = said[0] === "wrong" && said.length === 2 ? "failed" : null;
        return { ...goOn(said, text), call: { tool: "look", fault } } as Outcome;
      }
      return { turns: null, parts: {}, success: said[0] === "right" };
    };
    const groups = (await play(["right", "wrong", "other"], calls, { groupSize: 1 })) as Trajectory[][];
    expect(groups.map(([each]) => each?.failure)).toEqual([
      null,
      { turn: 1, kind: "call" },
      { turn: 2, kind: "use" },
    ]);
  });
});

describe("rollOut", () => {
  it("goes on with every trajectory until its environment ends it, all turns of one in one completion", async () => {
    const groups = await play(["a1", "b3"], counted);
    expect(groups.map((group) => group?.map(({ turns }) => turns.length))).toEqual([
      [1, 1],
      [3, 3],
    ]);
    const [, [first] = []] = groups as NonNullable<(typeof groups)[number]>[];
    expect(first).toMatchObject({ end: "done", fault: null, success: true, parts: { said: 3, first: 0.5 } });
    const { completion, last } = first as NonNullable<typeof first>;
    expect(completion.text).toBe("b300\nb310\nb320");
    expect(String.fromCharCode(...completion.tokens)).toBe("b300b310b320");
    expect([...completion.logProbs]).toEqual([-1, -2, -3, -4, -2, -3, -4, -5, -3, -4, -5, -6]);
    expect(completion.observations).toEqual([
      { after: 4, turns: [{ role: "tool", parts: ["seen b300", picture] }] },
      { after: 8, turns: [{ role: "tool", parts: ["seen b310", picture] }] },
    ]);
    expect([last.text, completion.finishReason]).toEqual(["b320", "stop"]);
  });

  it("samples the whole group of a prompt in the first turn, and once for each that is still open", async () => {
    const given = sampler();
    await play(["a1", "b3", "c2"], counted, {}, given);
    expect(given.calls).toEqual([
      { tasks: [0, 1, 2], groupSize: 2, turn: 0 },
      { tasks: [1, 1, 2, 2], groupSize: 1, turn: 1 },
      { tasks: [1, 1], groupSize: 1, turn: 2 },
    ]);
  });

  it("asks with the very tokens that were sampled, and what was observed behind them", async () => {
    const seen: Turn[][] = [];
    const given = sampler();
    await play(
      ["b2"],
      counted,
      { groupSize: 1 },
      {
        ...given,
        sample: (asked, groupSize, turn) => {
          seen.push(...asked.map(({ prompt }) => [...prompt.turns]));
          return given.sample(asked, groupSize, turn);
        },
      },
    );
    expect(seen[1]).toEqual([
      { role: "user", parts: [picture, "b2"] },
      { role: "assistant", tokens: Int32Array.from("b200", (letter) => letter.charCodeAt(0)) },
      { role: "tool", parts: ["seen b200", picture] },
    ]);
  });

  it("ends one that the environment never ends, and keeps what it earned; what was seen last was never read", async () => {
    const [[trajectory] = []] = (await play(["a9"], counted, { maxTurns: 2 })) as NonNullable<
      Awaited<ReturnType<typeof play>>[number]
    >[];
    expect(trajectory).toMatchObject({ end: "turns", success: false, parts: { said: 2, first: 0.5 } });
    expect(trajectory?.completion.observations?.length).toBe(1);
    expect(trajectory?.completion.finishReason).toBe("length");
  });

  it("spoils one trajectory where its environment fails, and no other", async () => {
    const step: Step = (said, text) => {
      if (said[1] === "b301") throw new EnvironmentFault("late", "step took more than 1 s");
      return counted(said, text);
    };
    const [, group] = await play(["a1", "b3"], step);
    expect(group?.map(({ end }) => end)).toEqual(["done", "fault"]);
    expect(group?.[1]).toMatchObject({
      parts: null,
      success: false,
      turns: [
        { text: "b301", parts: { said: 1, first: 0.5 }, call: null },
        { text: "b310", parts: {}, call: null },
      ],
      fault: { kind: "late", reason: "step took more than 1 s" },
    });
    expect(group?.[1]?.completion.text).toBe("b301\nb310");
  });

  it("says which conversation outgrew the model, and leaves out what it cannot even begin", async () => {
    const given = sampler(({ task }, turn) => task === 0 || (task === 1 && turn === 2));
    const [none, group, other] = await play(["a1", "b3", "c3"], counted, {}, given);
    expect(none).toBe(null);
    expect(group?.map(({ fault }) => fault)).toEqual([
      { kind: "tooLong", reason: expect.stringMatching(/^after 2 turns .* lower maxTurns or maxTokens$/) },
      { kind: "tooLong", reason: expect.anything() },
    ]);
    expect(other?.every(({ end }) => end === "done")).toBe(true);
  });

  it("has no parts where nobody can judge, and lets errors through that are no fault of an environment", async () => {
    const unsure: Step = () => ({ turns: null, parts: null, success: false });
    const [group] = await play(["a1"], unsure);
    expect(group?.[0]).toMatchObject({ parts: null, fault: null, end: "done" });
    const broken: Step = () => {
      throw new TypeError("no such thing");
    };
    await expect(play(["a1"], broken)).rejects.toThrow("no such thing");
  });
});

describe("a trajectory whose turns stand alone", () => {
  const alone: Step = (said, text) => {
    if (said.length === 3) return { turns: null, parts: { way: 1 }, costs: { fall: 1 }, success: false };
    return { ...goOn(said, text, { way: 1 }), alone: true, costs: { fall: 0 } } as Outcome;
  };

  it("asks each by what was read last, and is what was said in the first, with what all of them earned", async () => {
    const { calls, sample } = sampler();
    const asked: AskedTurn[] = [];
    const noting: SampleTurn = (some, groupSize, turn) => {
      asked.push(...some);
      return sample(some, groupSize, turn);
    };
    const [[first] = []] = (await play(
      ["a"],
      alone,
      { groupSize: 1 },
      { calls, sample: noting },
    )) as Trajectory[][];
    expect(asked.map(({ prompt }) => prompt.turns.map(({ role }) => role))).toEqual([
      ["user"],
      ["tool"],
      ["tool"],
    ]);
    expect(first).toMatchObject({ parts: { way: 3 }, costs: { fall: 1 }, end: "done" });
    expect(first?.turns.map(({ tokens }) => tokens.length)).toEqual([first?.completion.tokens.length, 0, 0]);
    expect(first?.completion.text).toBe(first?.turns[0]?.text);
    expect(first?.completion.observations).toBe(undefined);
  });
});
