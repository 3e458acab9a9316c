import { deriveSeed, RandomStream } from "../../common/random.ts";
import type { ReadTurn } from "../../policy/port.ts";
import { type ReasonerTemplates, reasonerText } from "../../reasoner/prompt.ts";
import { writeAnswer } from "../../reasoner/write.ts";
import { writtenIn } from "../../reasoner/written.ts";
import type { Constraint, Costs } from "../../rewards/constraints.ts";
import type { Environment, Outcome } from "../../training/environment.ts";
import type { RobotOptions } from "./options.ts";
import { loadPhysics, work } from "./physics.ts";
import { drawPicture } from "./picture.ts";
import { evidence, goodPlan, type Plan, parsePlan, planText } from "./plan.ts";
import { cellOf, directions, drawTable, goalText, type Table, type Thing } from "./table.ts";
import { drawWorld, type WorldName, worlds } from "./world.ts";

/** A table, and how often the hand has worked on it. */
interface State {
  readonly table: Table;
  readonly turn: number;
}

/** What must not happen. */
const constraints: readonly Constraint[] = [{ name: "collision", kind: "hard", penalty: 10 }];

/** The plan that does nothing. */
const waiting = "wait";

/** What is earned where nothing was touched, for the time that it took; and how often that may be. */
const missed = -0.1;
const mostTurns = 3;

const explanation =
  "You direct a robot hand over a table, seen from above. The table has four rows of four cells, from p00 (far left) to p33 (near right): row, then column. To find a thing, say its cell, such as p12. To reach or push a thing, say its cell and the side from which the hand is to come along the row or column: left, right, above or below, such as p12 left. The hand may touch nothing else.";

/** What is known where a robot's tables are opened. */
interface OpenRobot extends RobotOptions {
  /** How many tables there are to learn from. */
  readonly tasks: number;
}

/** Tables that policies are measured on. */
const suiteTasks = 1000;

/**
 * A table with things to find, reach and push, and all others to avoid. The policy says a plan in words; a controller
 * executes it on a physics engine. A collision ends the task. Where nothing was touched, the table is shown again, up to a third
 * time. Tasks depart from what is usual the more the later they come; those of the suite as far as the last.
 */
export async function openRobot(
  { world, tasks, spread, ranges, explains }: OpenRobot,
  templates: ReasonerTemplates,
): Promise<Environment> {
  await loadPhysics();
  const ask = async ({ table, turn }: State): Promise<ReadTurn> => {
    const goal = goalText(table);
    const question = explains ? `${explanation} Task: ${goal}` : goal;
    return { role: "user", parts: [await drawPicture(table, turn), reasonerText(question, templates)] };
  };
  const tables = (length: number, [first, last]: RobotOptions["spread"], purpose: string): Environment => ({
    name: `robot, ${world}`,
    tasks: length,
    constraints,
    async reset(task, { seed }) {
      const stream = new RandomStream(deriveSeed(seed, purpose));
      const share = first + ((last - first) * task) / Math.max(1, length - 1);
      const table = drawTable(drawWorld(world, ranges, share, stream), stream);
      const state: State = { table, turn: 0 };
      return {
        turns: [await ask(state)],
        state,
        name: `table ${task}`,
        question: goalText(table),
        label: planText(goodPlan(table)),
        file: null,
      };
    },
    async step(given, { text, finishReason }) {
      const { table, turn } = given as State;
      const plan = planIn(text, finishReason === "length");
      if (plan === null) return ended({ success: 0 });
      const { outcome, things } = attempt(table, plan, turn);
      if (outcome) return outcome;
      const state: State = { table: { ...table, things }, turn: turn + 1 };
      if (state.turn === mostTurns) return ended({ success: 0, missed });
      return { turns: [await ask(state)], state, parts: { missed } };
    },
    async demonstrate(given) {
      const { table } = given as State;
      return writeAnswer(templates.format, planText(goodPlan(table)), evidence(table));
    },
    async foresee(given, { text }) {
      const { table, turn } = given as State;
      const plan = planIn(text, false);
      return (plan && attempt(foreseen(table, world), plan, turn).outcome?.costs) ?? {};
    },
    fallback: async () => writeAnswer(templates.format, waiting, null),
    async [Symbol.asyncDispose]() {},
  });
  const [, widest] = spread;
  return { ...tables(tasks, spread, "table"), suite: tables(suiteTasks, [widest, widest], "suite") };
}

/** A table as who plans can know it: nobody has the physics of the real world, for which its simulation has to do. */
function foreseen(table: Table, world: WorldName): Table {
  const { friction, latency } = worlds[world === "real" ? "target" : world].usual;
  return { ...table, world: { ...table.world, friction, latency, touch: 0 } };
}

function planIn(text: string, truncated: boolean): Plan | null {
  return parsePlan(writtenIn(text, truncated).answer ?? "");
}

/** What a plan leads to; null where nothing was touched. */
function attempt(
  table: Table,
  { cell, from }: Plan,
  turn: number,
): { readonly outcome: Outcome | null; readonly things: readonly Thing[] } {
  const { goal, things } = table;
  if (goal.verb === "find") {
    const isRight = cellOf(things[goal.target] as Thing) === cell;
    return { outcome: ended({ success: Number(isRight) }), things };
  }
  if (from === null) return { outcome: ended({ success: 0 }), things };
  const done = work(table, { cell, from }, turn);
  if (done.struck !== null) return { outcome: ended({ success: 0 }, { collision: 1 }), things: done.things };
  if (done.touched === null) return { outcome: null, things: done.things };
  const isDone = goal.verb === "reach" || isPushed(table, done.things);
  return { outcome: ended({ success: Number(isDone) }), things: done.things };
}

/** Half of what a push goes is enough. */
const enough = 0.3;

/** Whether the thing lies where it was to be pushed. */
function isPushed({ things, goal }: Table, after: readonly Thing[]): boolean {
  if (goal.verb !== "push") return false;
  const [was, is] = [things[goal.target] as Thing, after[goal.target] as Thing];
  const [x, y] = directions[goal.to];
  return (is.x - was.x) * x + (is.y - was.y) * y >= enough;
}

function ended(parts: { readonly success: number; readonly missed?: number }, costs: Costs = {}): Outcome {
  return { turns: null, parts, costs, success: parts.success === 1 };
}
