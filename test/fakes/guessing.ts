import { imageOf } from "../../images/image.ts";
import { type Environment, EnvironmentFault } from "../../training/environment.ts";

/** Where a guess stands. */
interface Guess {
  readonly task: number;
  readonly tries: number;
  /** Of the question about the picture that was shown last. */
  readonly more: number;
}

/** A picture of so many dots, as the Reasoner of the fake world counts them. */
const dots = (count: number) => imageOf(1, 1, Uint8Array.of(count, 0, 0));

/**
 * How many dots, and some more? After a wrong answer another picture is shown, three times at most. Task 3 cannot be begun, in
 * task 4 the second answer breaks it, and task 5 never ends.
 */
export function guessing(tasks: number): Environment {
  const show = ({ task, tries, more }: Guess) => [dots((task + tries) % 10), `how many dots plus ${more} ?`];
  return {
    name: "guessing",
    tasks,
    async reset(task, { seed }) {
      if (task === 3) throw new EnvironmentFault("threw", "no such dots");
      const state: Guess = { task, tries: 0, more: seed % 3 };
      const label = `${(task % 10) + state.more}`;
      const turns = [{ role: "user", parts: show(state) } as const];
      return { turns, state, name: `dots ${task}`, question: `plus ${state.more}`, label, file: null };
    },
    async step(given, { text, finishReason }) {
      const { task, tries, more } = given as Guess;
      if (task === 4 && tries === 1) throw new EnvironmentFault("late", "step took more than 1 s");
      const wanted = ((task + tries) % 10) + more;
      const isRight = task !== 5 && finishReason === "stop" && Number(/\d+/.exec(text)?.[0]) === wanted;
      const parts = { correctness: isRight ? 1 / (tries + 1) : 0, tries: -0.01 };
      if (isRight) return { turns: null, parts, success: tries === 0 };
      const state: Guess = { task, tries: tries + 1, more };
      return { turns: [{ role: "tool", parts: ["no, and now: ", ...show(state)] }], state, parts };
    },
    /** Wrong at first, then right. */
    async demonstrate(given, turn) {
      const { task, tries, more } = given as Guess;
      return `<answer> ${((task + tries) % 10) + more + (turn === 0 ? 1 : 0)} </answer>`;
    },
    async [Symbol.asyncDispose]() {},
  };
}
