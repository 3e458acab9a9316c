import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { exitCodes } from "../../common/errors.ts";
import { encodePng } from "../../images/encode.ts";
import { imageOf } from "../../images/image.ts";
import { groupText } from "../../inspector/terminal/group.ts";
import { Database } from "../../replay/sqlite.ts";
import { ReplayStore } from "../../replay/store.ts";
import { at } from "../fakes/run_events.ts";
import { writeReplay } from "../inspector/replays.ts";
import { plainEpisode, RandomEvents } from "../replay/events.ts";
import { visplay } from "./visplay.ts";

const config = { reasoner: { reward: { agreement: 0.9, format: 0.1 } } };
const started = at(0, { type: "runStarted", release: "1.0.0", config, images: 1, models: {} });

test("an episode is shown with the sums that the run's configuration makes; a pipe gets no picture", async () => {
  await using replay = await writeReplay([started, plainEpisode()]);
  const { status, stdout, stderr } = await visplay("replay", "show", replay.folder, "2");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toMatch(
    /^episode 2 · reasoner · round 1 · step 0\n.*attempt 1\nversion 1 of the questioner/,
  );
  expect(stdout).toContain("picture 3.png\n\nprompt\n");
  expect(stdout).toContain(groupText(plainEpisode(), { width: 80, config, says: false }));
});

test("--json is the whole event in one line, whatever it holds", async () => {
  const events = new RandomEvents(9).events(40);
  await using replay = await writeReplay(events);
  for (const id of replay.reader.order({ superseded: "include" }).slice(0, 4)) {
    const { stdout } = await visplay("replay", "show", replay.folder, `${id}`, "--json");
    expect(stdout.indexOf("\n")).toBe(stdout.length - 1);
    expect(stdout.slice(0, -1)).not.toMatch(/\p{Cc}/u);
    expect(JSON.parse(stdout)).toEqual({ id, attempt: 1, superseded: false, event: events[id - 1] });
  }
});

test("a picture that is asked for is drawn; one that is missing or damaged is said to be", async () => {
  const folder = await mkdtemp(join(tmpdir(), "visplay-shown-"));
  const png = await encodePng(imageOf(2, 2, Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9)));
  {
    await using store = await ReplayStore.create(folder);
    const turns = [{ role: "user", parts: [{ image: "image-3" }, "or", { image: "none" }] }];
    const image = { id: "image-3", extension: "png", bytes: async () => png };
    await store.append(
      [
        plainEpisode(),
        plainEpisode({ image: { index: 0, name: "gone", id: "gone" } }),
        plainEpisode({ turns }),
      ],
      [image],
    );
  }
  const show = async (id: number) =>
    (await visplay("replay", "show", folder, `${id}`, "--pictures", "blocks")).stdout;
  const esc = "\u001b";
  expect(await show(1)).toContain(
    `3.png\n${esc}[38;5;196;48;5;21m▀${esc}[38;5;46;48;5;232m▀${esc}[0m\n\nprompt`,
  );
  expect(await show(2)).toContain("picture gone\nthe picture cannot be shown: it was not stored\n\nprompt");
  const third = await show(3);
  const each = third.slice(third.indexOf("3.png\n"), third.indexOf("\n\nprompt"));
  expect(stripVTControlCharacters(each)).toBe(
    "3.png\npicture 1 of 2: image-3\n▀▀\npicture 2 of 2: none\nthe picture cannot be shown: it was not stored",
  );
  await writeFile(join(folder, "images/image-3.png"), "no picture");
  expect(await show(1)).toMatch(/the picture cannot be shown: .+\n\nprompt/);
  await rm(folder, { recursive: true });
});

test("a number that is no episode's: which there are", async () => {
  await using replay = await writeReplay([started, plainEpisode(), plainEpisode(), started, plainEpisode()]);
  const refused = async (episode: string) => {
    const { status, stderr, stdout } = await visplay("replay", "show", replay.folder, episode);
    expect({ status, stdout }).toEqual({ status: exitCodes.usage, stdout: "" });
    return stderr;
  };
  expect(await refused("4")).toContain(
    "4 is no episode; there are 3, with numbers from 2 to 5, the nearest 3 and 5",
  );
  expect(await refused("99")).toContain("99 is no episode; there are 3, with numbers from 2 to 5\n");
  expect(await refused("x")).toContain("x is no episode");
  await using empty = await writeReplay([started]);
  expect((await visplay("replay", "show", empty.folder, "1")).stderr).toContain(
    "the run has recorded none yet",
  );
});

test("of a damaged episode what a list knows is shown, and what is wrong is said", async () => {
  await using replay = await writeReplay([started, plainEpisode()]);
  using database = Database.forWriting(join(replay.folder, "replay.db"));
  database.exec("UPDATE rollouts SET log_probs = x'000000'");
  const { status, stdout, stderr } = await visplay("replay", "show", replay.folder, "2");
  expect(status).toBe(exitCodes.damaged);
  expect(stdout).toContain("episode 2 · reasoner · round 1 · step 0");
  expect(stdout).not.toContain("prompt");
  expect(stderr).toContain("event 2 is damaged: found 3 bytes of log-probabilities");
  expect(await visplay("replay", "show", replay.folder, "2", "--json")).toMatchObject({
    status: exitCodes.damaged,
    stdout: "",
  });
});
