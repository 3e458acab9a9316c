import { imageOf } from "../../images/image.ts";
import type { Environment } from "../../training/environment.ts";

/** Walks along a cliff: who says "jump" falls, and what else is said earns by its number. The suite is another stretch of it. */
export function cliff(tasks: number, name = "cliff"): Environment {
  const falls = (text: string) => ({ fall: text.includes("jump") ? 1 : 0 });
  return {
    name,
    tasks,
    constraints: [{ name: "fall", kind: "hard", penalty: 10 }],
    ...(name === "cliff" && { suite: cliff(12, "suite") }),
    async reset(task, { seed }) {
      const picture = imageOf(1, 1, Uint8Array.of(task % 10, 0, 0));
      const turns = [{ role: "user", parts: [picture, `walk plus ${seed % 5} ?`] } as const];
      return { turns, state: task, name: `${name} ${task}`, question: "walk", label: null, file: null };
    },
    async step(_, { text }) {
      const costs = falls(text);
      return { turns: null, parts: { way: Number(/\d+/.exec(text)?.[0] ?? 0) }, costs, success: !costs.fall };
    },
    foresee: async (_, { text }) => falls(text),
    fallback: async () => "stand 0",
    async [Symbol.asyncDispose]() {},
  };
}
