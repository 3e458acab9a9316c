import { describe, expect, test } from "vitest";
import { type ShieldOptions, soften, withShield } from "../../environments/shield.ts";
import type { Action, Environment, Outcome, Watched } from "../../training/environment.ts";

/** Where "up" crashes, "down" is the fallback, and crashes, too, in a state that says so. */
function cliff(): Environment {
  const isCrash = (state: unknown, text: string) => text === "up" || (text === "down" && state === "doomed");
  const costsOf = (state: unknown, text: string) => ({ crash: isCrash(state, text) ? 1 : 0 });
  return {
    name: "cliff",
    tasks: 1,
    constraints: [{ name: "crash", kind: "hard", penalty: 10 }],
    reset: () => Promise.reject(new Error("not asked for")),
    foresee: async (state, { text }) => costsOf(state, text),
    fallback: async () => "down",
    step: async (state, { text }): Promise<Outcome> => {
      return { turns: null, parts: { went: text.length }, costs: costsOf(state, text), success: true };
    },
    async [Symbol.asyncDispose]() {},
  };
}

const open: ShieldOptions = { dangerous: true, agreement: 0, unlike: false, deadlineMs: null };

function say(text: string, watched: Partial<Watched> | null = null): Action {
  const seen = { latencyMs: 5, agreement: null, unlike: null, ...watched };
  return { text, tokens: new Int32Array(), finishReason: "stop", ...(watched && { watched: seen }) };
}

describe("a shield", () => {
  test("lets what keeps the constraints pass", async () => {
    const outcome = await withShield(cliff(), open).step("here", say("along"));
    expect(outcome).toEqual({ turns: null, parts: { went: 5 }, costs: { crash: 0 }, success: true });
  });

  test("takes the fallback in place of what is dangerous, for which the policy is charged and not paid", async () => {
    const outcome = await withShield(cliff(), open).step("here", say("up"));
    const veto = { reason: "dangerous", detail: "crash", costs: { crash: 1 } };
    expect(outcome).toEqual({ turns: null, parts: {}, costs: { crash: 0 }, success: true, veto });
  });

  test("says where nothing keeps a constraint, and does what was said", async () => {
    const outcome = await withShield(cliff(), open).step("doomed", say("up"));
    expect(outcome).toMatchObject({ costs: { crash: 1 }, parts: {} });
    expect(outcome.veto?.detail).toBe("crash, which nothing prevents");
  });

  test.each([
    ["late", { latencyMs: 31 }, { deadlineMs: 30 }, {}],
    ["unsure", { agreement: 0.4 }, { agreement: 0.5 }, { crash: 1 }],
    ["unlike", { unlike: true }, { unlike: true }, { crash: 1 }],
  ] as const)(
    "takes it where a decision is %s, and only where it is to",
    async (reason, watched, options, charged) => {
      const strict = withShield(cliff(), { ...open, dangerous: false, ...options });
      const vetoed = await strict.step("here", say("up", watched));
      expect(vetoed).toMatchObject({ parts: {}, costs: { crash: 0 }, veto: { reason, costs: charged } });
      const lenient = withShield(cliff(), { ...open, dangerous: false });
      expect((await lenient.step("here", say("up", watched))).veto).toBe(undefined);
      expect((await strict.step("here", say("up", { agreement: 0.5 }))).veto).toBe(undefined);
    },
  );

  test("pays for what is left of a deadline", async () => {
    const { step } = withShield(cliff(), { ...open, deadlineMs: 20 });
    expect((await step("here", say("along", { latencyMs: 5 }))).parts).toEqual({ went: 5, speed: 0.75 });
  });

  test("stands around the suite, too", async () => {
    const { suite } = withShield({ ...cliff(), suite: cliff() }, open);
    expect((await suite?.step("here", say("up")))?.veto?.reason).toBe("dangerous");
  });

  test("cannot stand where nothing says what is dangerous, or what to do instead", () => {
    const { constraints: _, foresee: __, fallback: ___, ...plain } = cliff();
    expect(() => withShield(plain, open)).toThrow(
      /cliff has no constraints, no foresee\(state, action\), no fallback\(state\)/,
    );
  });
});

test("constraints are soft where a stage says so, and have to be there", () => {
  expect(soften({ ...cliff(), suite: cliff() }, ["crash"])).toMatchObject({
    constraints: [{ name: "crash", kind: "soft", penalty: 10 }],
    suite: { constraints: [{ kind: "soft" }] },
  });
  expect(() => soften(cliff(), ["cras"])).toThrow(/safety.soft: found "cras".*cliff, which has crash/);
});
