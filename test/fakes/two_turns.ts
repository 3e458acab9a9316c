import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Writes an environment of a user's own: two pictures, one after the other, of which the answer is to be "yes" to the first and
 * "no" to the second. `also` is put at the beginning of its `step`.
 */
export async function writeTwoTurns(folder: string, also = ""): Promise<string> {
  const path = join(folder, "two_turns.ts");
  await writeFile(
    path,
    `export default ({ tasks = 200 }: { tasks?: number }) => ({
  tasks,
  reset: (task: number) => ({
    turn: [square(task), "is there a red circle ?"],
    state: { task, turn: 0 },
    label: "yes, then no",
  }),
  step({ task, turn }: { task: number; turn: number }, { text }: { text: string }) {
    ${also}
    const said = Number(text.includes(turn === 0 ? "yes" : "no"));
    if (turn === 1) return { done: true, parts: { second: said }, success: said === 1 };
    return {
      turn: [square(task + 7), "is there a blue square ?"],
      role: "tool",
      state: { task, turn: 1 },
      parts: { first: said },
    };
  },
});

function square(task: number) {
  const data = new Uint8Array(64 * 64 * 3).fill(40 + (task % 10) * 20);
  for (let y = 20; y < 30; y++)
    for (let x = 20; x < 20 + (task % 30); x++) data.set([200, 30, 30], 3 * (64 * y + x));
  return { width: 64, height: 64, data };
}
`,
  );
  return path;
}
