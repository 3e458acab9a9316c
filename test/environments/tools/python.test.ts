import { afterAll, describe, expect, test } from "vitest";
import { openPython } from "../../../environments/tools/python/python.ts";
import { ToolFault } from "../../../environments/tools/tool.ts";
import { withTools } from "../../../environments/tools/tool_environment.ts";
import { Toolkit } from "../../../environments/tools/toolkit.ts";
import { imageOf } from "../../../images/image.ts";
import type { Environment } from "../../../training/environment.ts";

const setting = "tools.use.0";
const keeps = await openPython({ setting, timeLimitMs: 60_000, threads: 1 });
const forgets = await openPython({ setting, timeLimitMs: 60_000, threads: 1, keptBytes: 0 });
afterAll(async () => {
  await keeps[Symbol.asyncDispose]();
  await forgets[Symbol.asyncDispose]();
});

/** A trajectory's answers, call by call; of the calls before only those that went well are told. */
async function play(codes: readonly string[], seed = 3, tool: typeof keeps = keeps): Promise<string[]> {
  const before: { code: string }[] = [];
  const answers: string[] = [];
  for (const code of codes) {
    const { signal } = new AbortController();
    try {
      const parts = await tool.run({ code }, { images: [], before: [...before], seed, signal });
      before.push({ code });
      answers.push(parts.join(""));
    } catch (error) {
      if (!(error instanceof ToolFault)) throw error;
      answers.push(`${error.kind}: ${error.message}`);
    }
  }
  return answers;
}

test("what is printed and the last expression's value are the answer", async () => {
  expect(
    await play([
      "print('a', 1)\nprint('b')\n[n ** 2 for n in range(4)]",
      "x = 1",
      "None",
      "'é☃😀'",
      "from fractions import Fraction\nFraction(1, 3) + Fraction(1, 6)",
      "import statistics, json, re, datetime, decimal, itertools\nstatistics.median([3, 1, 2])",
      "import sys\nprint('hidden', file=sys.stderr)\nexit()\nprint('not reached')",
    ]),
  ).toEqual([
    "a 1\nb\n[0, 1, 4, 9]\n",
    "(nothing was printed)",
    "(nothing was printed)",
    "'é☃😀'\n",
    "Fraction(1, 2)\n",
    "2\n",
    "(nothing was printed)",
  ]);
});

test("an error is told by its last line and where it came about; what the call did is undone", async () => {
  expect(
    await play([
      "x = [1]",
      "x.append(2)\ny = 3\n1 / 0",
      "def f(n):\n    return x[n]\nf(5)",
      "x = = 1",
      "import numpy",
      "open('/lib/notes.txt', 'w')",
      "print(x, 'y' in globals(), 'f' in globals())",
    ]),
  ).toEqual([
    "(nothing was printed)",
    "failed: ZeroDivisionError: division by zero (line 3)",
    "failed: IndexError: list index out of range (line 2)",
    expect.stringMatching(/^failed: .*\n.*\n.*\nSyntaxError: invalid syntax$/),
    "failed: ModuleNotFoundError: No module named 'numpy' (line 1)",
    "failed: OSError: [Errno 69] Read-only file system: '/lib/notes.txt' (line 1)",
    "[1] False False\n",
  ]);
});

describe("a trajectory has files of its own", () => {
  const calls = [
    "import os\nwith open('b.txt', 'w') as f: f.write('one\\n')\nos.makedirs('folder/in')\nos.getcwd(), os.listdir()",
    "with open('b.txt', 'a') as f: f.write('two\\n')\nwith open('/tmp/folder/a.bin', 'wb') as f: f.write(bytes(range(256)))\nopen('b.txt').read()",
    "os.remove('b.txt'); 1 / 0",
    "import pathlib, shutil, tempfile, csv, sqlite3, zipfile\nshutil.copy2('b.txt', 'a.txt'); os.rename('folder/a.bin', 'folder/in/a.bin'); pathlib.Path('c').touch()\nwith zipfile.ZipFile('z.zip', 'w') as z: z.write('a.txt')\nwith tempfile.TemporaryDirectory() as d: open(d + '/x', 'w').close()\nwith tempfile.TemporaryFile() as f: f.write(b'x'); f.seek(0); print(f.read())",
    "with sqlite3.connect('d.db') as c: c.execute('create table t (x)'); c.execute('insert into t values (7)')\nc.close()\nsqlite3.connect('d.db').execute('select * from t').fetchall()",
    "f = open('b.txt', 'r+'); f.truncate(2); f.seek(0, 2); f.write('!'); f.close()\n[(d, s, [(n, os.stat(d + '/' + n)) for n in n]) for d, s, n in os.walk('.')], open('folder/in/a.bin', 'rb').read()[-1], open('b.txt').read()",
    "shutil.rmtree('folder'); os.listdir(), os.stat('.'), zipfile.ZipFile('z.zip').read('a.txt')",
  ];

  test("that stay for its next calls, in the same way where they are kept and where the calls run again", async () => {
    const kept = await play(calls);
    expect(kept.slice(0, 5)).toEqual([
      "('/tmp', ['b.txt', 'folder'])\n",
      "'one\\ntwo\\n'\n",
      expect.stringMatching(/^failed: ZeroDivisionError/),
      "b'x'\n",
      "[(7,)]\n",
    ]);
    expect(kept[5]).toMatch(/, 255, 'on!'\)\n$/);
    expect(kept[6]).toMatch(/^\(\['b.txt', 'a.txt', 'c', 'z.zip', 'd.db'\], .*, b'one\\ntwo\\n'\)\n$/);
    expect(await play(calls, 3, forgets)).toEqual(kept);
    expect(await play(calls)).toEqual(kept);
  });

  test("that another trajectory does not see", async () => {
    await play(["open('mine', 'w').close()"]);
    expect(await play(["import os; os.listdir()"], 4)).toEqual(["[]\n"]);
  });
});

describe("a trajectory's calls know what those before did", () => {
  const calls = [
    "import random, time, uuid\nclass Counter:\n    n = 0\ncounter = Counter()\nrandom.random()",
    "counter.n += 1\nheld = {'a': [counter]}\n(random.random(), time.time(), uuid.uuid4())",
    "1 / 0",
    "counter.n += 1\nrandom.shuffle(deck := list(range(9)))\n(deck, held['a'][0].n, hash('a'), id(counter), {'x', 'y', 'z'})",
    "(time.time(), time.sleep(5), time.time() > 0, time.localtime().tm_year, counter.n, random.SystemRandom().random())",
  ];

  test("in the same way where they are kept and where they run again", async () => {
    const kept = await play(calls);
    expect(kept[3]).toMatch(/, 2, /);
    expect(kept[4]).toMatch(/, None, True, 2025, 2, /);
    expect(await play(calls, 3, forgets)).toEqual(kept);
    expect(await play(calls)).toEqual(kept);
  });

  test("and draw from the trajectory's seed", async () => {
    const [one] = await play(calls.slice(0, 1), 3);
    const [other] = await play(calls.slice(0, 1), 4);
    expect(Number(one)).toBeGreaterThanOrEqual(0);
    expect(one).not.toBe(other);
    const twice = await play(["import os; os.urandom(4).hex()", "import os; os.urandom(4).hex()"]);
    expect(twice[0]).not.toBe(twice[1]);
  });

  test("many trajectories at once, in two threads, each its own", async () => {
    const tool = await openPython({ setting, timeLimitMs: 60_000, threads: 2, keptBytes: 8 * 2 ** 20 });
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) => play([`x = [${n}]`, "x.append(x[-1] + 1)", "x"], n, tool)),
    );
    expect(answers.map((all) => all[2])).toEqual(Array.from({ length: 12 }, (_, n) => `[${n}, ${n + 1}]\n`));
    await tool[Symbol.asyncDispose]();
  });

  test("however much the one before took, memory ends at the same place", async () => {
    const tool = await openPython({ setting, timeLimitMs: 60_000, threads: 1 });
    const hog = "x = []\ntry:\n    while True: x.append(bytearray(2**20))\nexcept MemoryError: print(len(x))";
    const [fresh] = await play([hog], 1, tool);
    expect(Number(fresh)).toBeGreaterThan(200);
    expect(await play([hog], 2, tool)).toEqual([fresh]);
    await tool[Symbol.asyncDispose]();
  });

  test("what is too large to be kept runs again", async () => {
    expect(await play(["x = bytes(range(250)) * 400_000", "len(x), x[-1]"])).toEqual([
      "(nothing was printed)",
      "(100000000, 249)\n",
    ]);
  });
});

test("a call that nobody waits for ends, and so does its thread", async () => {
  const controller = new AbortController();
  const call = forgets.run(
    { code: "while True: pass" },
    { images: [], before: [], seed: 1, signal: controller.signal },
  );
  controller.abort();
  await expect(call).rejects.toMatchObject({ code: "cancelled" });
  expect(await play(["1 + 1"], 1, forgets)).toEqual(["2\n"]);
});

test("in an environment, a policy calculates over several turns", async () => {
  const turns = [{ role: "user", parts: [imageOf(1, 1, new Uint8Array(3)), "?"] }] as const;
  const asks: Environment = {
    name: "asks",
    tasks: 1,
    reset: async () => ({ turns, state: null, name: "one", question: "?", label: null, file: null }),
    step: async () => ({ turns: null, parts: {}, success: true }),
    async [Symbol.asyncDispose]() {},
  };
  const toolkit = new Toolkit([await openPython({ setting, timeLimitMs: 60_000, threads: 1 })], {
    ...{ maxCalls: 3, price: 0, prices: {}, freeCalls: 0, faultPrice: 0, bonus: 0 },
    ...{ timeLimitMs: 60_000, maxText: 100, maxPixels: 1_000_000, section: null, form: "template" },
  });
  const environment = withTools(asks, toolkit);
  let { state } = await environment.reset(0, { seed: 1, fit: () => null });
  const said: unknown[] = [];
  for (const code of ["total = 17 * 23", "total + 9"]) {
    const text = `<tool_call>${JSON.stringify({ name: "python", arguments: { code } })}</tool_call>`;
    const outcome = await environment.step(state, { text, tokens: new Int32Array(1), finishReason: "stop" });
    if (outcome.turns === null) throw new Error("the trajectory ended");
    said.push(outcome.turns[0]?.parts[1]);
    state = outcome.state;
  }
  expect(said).toEqual(["(nothing was printed)", "400\n"]);
  await toolkit[Symbol.asyncDispose]();
});
