import { Checksum } from "./checksum.ts";
import { addItems, itemsIn } from "./curriculum_items.ts";
import type { Dictionary } from "./dictionary.ts";
import { storedPrompt } from "./encoding.ts";
import { answerRow, type NewRow, rolloutRow, storedVersions } from "./episode_rows.ts";
import type { EpisodeEvent, RunEvent } from "./events.ts";
import { figuresOf, namedFiguresOf } from "./figures.ts";
import { pinContent } from "./pins.ts";
import { answersOf, rolloutsOf } from "./rollouts.ts";
import { PLACES } from "./schema.ts";
import type { Database, Value } from "./sqlite.ts";
import { textsOf } from "./texts.ts";

/** Puts events into rows, each event with a checksum of what is stored of it. */
export class EventWriter {
  readonly #database: Database;
  readonly #dictionary: Dictionary;

  constructor(database: Database, dictionary: Dictionary) {
    this.#database = database;
    this.#dictionary = dictionary;
  }

  /** Everything about one event, under its number. */
  append(id: number, attempt: number, event: RunEvent): void {
    if ("prompt" in event) {
      this.#appendEpisode(id, attempt, event);
      return;
    }
    const { atMs, type, ...body } = event;
    const row = { id, attempt, superseded: 0, at_ms: atMs, type, body: JSON.stringify(body) };
    insert(this.#database, "events", row);
    this.#insertChecksum(id, new Checksum().add("events", row));
  }

  #appendEpisode(id: number, attempt: number, event: EpisodeEvent): void {
    const { round, step, image } = event;
    const question = event.type === "reasonerEpisode" ? event.question : null;
    const { text, templated } = storedPrompt(event.prompt, question);
    const dictionary = this.#dictionary;
    pinContent(this.#database, image.index, image.id);
    const phase = dictionary.phase(event);
    const prompt = { text, templated: Number(templated) };
    const tools = event.type === "reasonerEpisode" && event.tools ? JSON.stringify(event.tools) : null;
    const shown = { content: image.id, position: image.index, name: image.name };
    const row = {
      id,
      attempt,
      superseded: 0,
      at_ms: event.atMs,
      phase,
      round,
      step,
      image: dictionary.id("images", shown),
      prompt: dictionary.id("prompts", prompt),
      ...storedVersions(event.versions).columns,
      ...figuresOf(event),
      question,
      label: event.type === "reasonerEpisode" ? event.label : null,
      view: event.type === "reasonerEpisode" ? event.view : 0,
      turns: event.type === "reasonerEpisode" && event.turns ? JSON.stringify(event.turns) : null,
      tools: tools && dictionary.id("tool_sets", { tools }),
    };
    insert(this.#database, "episodes", row);
    const checksum = new Checksum().add("episodes", {
      ...row,
      ...shown,
      ...prompt,
      prompt_text: text,
      tools_text: tools,
    });
    this.#appendCompletions(id, event, checksum);
    this.#insertChecksum(id, checksum);
    if (event.type === "curriculumEpisode") {
      addItems(this.#database, dictionary, itemsIn(event), { round, event: id });
    }
    for (const { kind, name, value } of namedFiguresOf(event)) {
      const figure = dictionary.id("figures", { phase, kind, name });
      insert(this.#database, "measures", { episode: id, figure, value });
    }
    insert(this.#database, "texts", { rowid: id, ...textsOf(event) });
  }

  #appendCompletions(id: number, event: EpisodeEvent, checksum: Checksum): void {
    for (const [i, rollout] of rolloutsOf(event).entries()) {
      const { parts_names = null, checks_names = null, ...own } = rolloutRow(rollout);
      const row = { id: id * PLACES + i, ...own };
      const [parts_shape, checks_shape] = [this.#shape(parts_names), this.#shape(checks_names)];
      insert(this.#database, "rollouts", { ...row, parts_shape, checks_shape });
      checksum.add("rollouts", { ...row, parts_names, checks_names });
    }
    let place = id * PLACES;
    for (const [i, rollout] of rolloutsOf(event).entries()) {
      for (const { answer, blind } of answersOf(rollout)) {
        const row = { id: place++, rollout: i, blind: Number(blind), ...answerRow(answer) };
        insert(this.#database, "answers", row);
        checksum.add("answers", row);
      }
    }
    if (place > (id + 1) * PLACES) throw new RangeError(`more than ${PLACES} answers in one episode`);
  }

  #shape(names: Value): number | null {
    return names === null ? null : this.#dictionary.id("shapes", { names });
  }

  #insertChecksum(event: number, { value }: Checksum): void {
    insert(this.#database, "checksums", { event, crc32: value });
  }
}

/** Adds one row. */
export function insert(database: Database, table: string, row: NewRow, conflict = ""): void {
  const columns = Object.keys(row);
  const places = columns.map(() => "?");
  const sql = `INSERT ${conflict} INTO ${table} (${columns.join()}) VALUES (${places.join()})`;
  database.prepare(sql).run(Object.values(row) as Value[]);
}
