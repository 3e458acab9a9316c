/** A user's own environment: two pictures at first, two more after the first turn; every third task breaks then. */
export default (): object => ({
  tasks: 30,
  reset: (task: number) => ({
    turn: [square(task, 20), "or", square(task, 40), "which one is brighter ?"],
    state: { task, turn: 0 },
  }),
  step({ task, turn }: { task: number; turn: number }, { text }: { text: string }) {
    const said = Number(text.includes("<answer>"));
    if (turn === 1) {
      if (task % 3 === 0) throw new Error("no third picture");
      return { done: true, parts: { form: said }, success: said === 1 };
    }
    const next = [square(task, 60), "and now ?", square(task, 80)];
    return { turn: next, state: { task, turn: 1 }, parts: { form: said / 2, price: -0.125 } };
  },
});

/** A grey square with a brighter one in it. */
function square(task: number, brightness: number) {
  const data = new Uint8Array(64 * 64 * 3).fill(40 + brightness);
  for (let y = 20; y < 44; y++) data.fill(200 + task, 3 * (64 * y + 20), 3 * (64 * y + 44));
  return { width: 64, height: 64, data };
}
