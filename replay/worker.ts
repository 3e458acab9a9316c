/** The thread of one replay: answers `ReplayStore`'s calls one after the other. */
import { mkdirSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import { diskError } from "../common/disk.ts";
import { type CallMessage, replyTo } from "../common/thread_calls.ts";
import type { RunEvent } from "./events.ts";
import { type StoredImage, syncFolder, writeImage } from "./image_files.ts";
import { isBusy } from "./sqlite.ts";
import { type EventMessage, LOCKED, type ReplayThread } from "./worker_protocol.ts";
import { ReplayWriter } from "./writer.ts";

if (parentPort === null) throw new Error("replay/worker is not a program; ReplayStore starts it");
const port = parentPort;

let folder = "";
let writer: ReplayWriter;
/** Sent, and not committed yet. */
let events: RunEvent[] = [];
let images: StoredImage[] = [];

const thread: ReplayThread = {
  open(where, mode) {
    folder = where;
    writer = mode === "create" ? create(folder) : ReplayWriter.open(folder);
    return writer.state;
  },
  pin: (pins) => writer.pin(pins),
  pinInputs: (inputs) => writer.pinInputs(inputs),
  missing: (ids) => writer.missing(ids),
  image(id, extension, content) {
    images.push(writeImage(folder, { id, extension }, content));
  },
  commit() {
    const state = writer.append(events, images);
    discard();
    return state;
  },
  curriculum: (round, places) => writer.curriculum(round, places),
  admittedQuestions: (images) => writer.admittedQuestions(images),
  curriculumSize: (round) => writer.curriculumSize(round),
  adoptCurricula: (from, rounds, event) => writer.adoptCurricula(from, rounds, event),
  resume: (position, attempt) => writer.resume(position, attempt),
  close: () => writer[Symbol.dispose](),
};

port.on("message", async (request: CallMessage<keyof ReplayThread> | EventMessage) => {
  switch (request.kind) {
    case "event":
      events.push(request.event);
      return;
    case "discard":
      discard();
      return;
    case "call": {
      const { id, method, args } = request;
      const perform = thread[method] as (...all: unknown[]) => unknown;
      port.postMessage(await replyTo(id, () => unlessLocked(() => perform(...args))));
    }
  }
});

function unlessLocked<T>(work: () => T): T | typeof LOCKED {
  try {
    return work();
  } catch (error) {
    if (isBusy(error)) return LOCKED;
    throw error;
  }
}

function discard(): void {
  events = [];
  images = [];
}

function create(path: string): ReplayWriter {
  try {
    mkdirSync(path, { recursive: true });
    const created = ReplayWriter.create(path);
    syncFolder(path);
    return created;
  } catch (error) {
    throw error instanceof Error && "syscall" in error ? diskError(path, error) : error;
  }
}
