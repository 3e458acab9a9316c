/**
 * What is sent and read, against what the Python package `tinker` sends and reads (test/reference/make_tinker.py):
 * protobuf byte for byte; JSON field by field, in the same order, where only numbers may be spelled otherwise.
 */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Chunk, Datum } from "../../../policy/remote/messages.ts";
import { decodeForwardBackwardResult, decodeSampleResult } from "../../../policy/remote/protobuf.ts";
import { RemoteModel } from "../../../policy/remote/remote_model.ts";
import { Sampler } from "../../../policy/remote/remote_sampler.ts";
import { EngineSession } from "../../../policy/remote/session.ts";
import { clientOf } from "../../engine/engine.ts";
import { readReference } from "../../reference_dir.ts";

interface Sent {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface Wire {
  readonly requests: Readonly<Record<string, Sent>>;
  readonly results: {
    readonly sample: {
      readonly bytes: string;
      readonly sequences: readonly (readonly [string, readonly number[], readonly number[]])[];
      readonly prompt_logprobs: readonly (number | null)[];
    };
    readonly forward_backward: {
      readonly bytes: string;
      readonly logprobs: readonly (readonly number[])[];
      readonly metrics: Readonly<Record<string, number>>;
    };
  };
}

const { requests, results } = readReference<Wire>("tinker/wire.json");
/** The picture that the package was given stands in what it sent. */
const picture = JSON.parse(textOf(requests.asample)).prompt.chunks[1].data as string;

const image: Chunk = { kind: "image", data: Buffer.from(picture, "base64"), expectedTokens: 4 };
const words = (...tokens: number[]): Chunk => ({ kind: "text", tokens: Int32Array.from(tokens) });
const seen: Datum = {
  input: [words(1, 2, 70000), image, words(9, 10)],
  loss: {
    target_tokens: Int32Array.of(2, 70000, 0, 0, 0, 0, 9, 10, 11),
    advantages: Float32Array.of(0, 0, 0, 0, 0, 0, 0, 0.25, -1.5),
    logprobs: Float32Array.of(0, 0, 0, 0, 0, 0, 0, -0.125, -3.75),
    weights: Float32Array.of(0, 0, 0, 0, 0, 0, 0, 1, 1),
  },
};
const plain: Datum = {
  input: [words(5, 6, 7)],
  loss: { target_tokens: Int32Array.of(6, 7, 8), weights: Float32Array.of(0, 0.5, 1) },
};

/** What each request is answered, in the order in which results are asked for. */
const answers = [
  { model_id: "model-1" },
  {},
  { loss_fn_outputs: [] },
  { loss_fn_outputs: [] },
  { metrics: {} },
  { path: "tinker://model-1/weights/state-1" },
  { sampling_session_id: "sampler-1" },
  { sequences: [], prompt_logprobs: null },
];

describe("the wire", () => {
  const sent: Sent[] = [];
  let server: Server;
  beforeAll(async () => {
    server = createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const { url = "", headers } = request;
      sent.push({
        path: url,
        headers: headers as Sent["headers"],
        body: Buffer.concat(parts).toString("base64"),
      });
      const path = url.replace("/api/v1/", "");
      const answer =
        path === "retrieve_future"
          ? answers.shift()
          : path === "retrieve_futures"
            ? { completions: [{ state: "finished", request_id: "request-1" }], cursor: 1 }
            : { request_id: "request-1", session_id: "session-1" };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const client = clientOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, "tml-key");
    await using session = await EngineSession.open(client, "visplay-reasoner");
    const model = await RemoteModel.create(session, "Qwen/Qwen3.5-4B", { rank: 16, seed: 3 });
    await model.load("tinker://model-0/weights/state-1", true);
    await model.forward([seen, plain]);
    await model.differentiate([seen, seen], "importance_sampling");
    const adam = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.01, gradientClipNorm: 1 };
    await model.step({ learningRate: 1e-5, ...adam });
    await model.save("state-1");
    const sampler = new Sampler(client, await model.publish());
    await sampler.sample({
      prompt: [words(1, 2, 3), image, words(9)],
      ...{ samples: 8, maxTokens: 64, temperature: 1, topK: -1, topP: 1, seed: 7, stop: [2, 5] },
      promptLogProbs: false,
    });
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test.each(Object.entries(requests))("%s is sent as the package sends it", (name, wanted) => {
    const isPass = wanted.headers["content-type"] === "application/x-protobuf";
    const found = isPass
      ? sent.filter(({ path }) => path === wanted.path)[name === "forward" ? 0 : 1]
      : sent.find(({ path }) => path === wanted.path);
    for (const header of ["content-type", "x-api-key"])
      expect(found?.headers[header], header).toBe(wanted.headers[header]);
    if (isPass) expect(found?.body).toBe(wanted.body);
    else expect(textOf(found)).toBe(JSON.stringify(JSON.parse(textOf(wanted))));
  });

  test("results are read as the package reads them", () => {
    const { sample, forward_backward } = results;
    const read = decodeSampleResult(Buffer.from(sample.bytes, "base64"));
    expect(read.sequences.map((each) => [each.stopReason, [...each.tokens], [...each.logProbs]])).toEqual(
      sample.sequences,
    );
    expect([...(read.promptLogProbs ?? [])].map((value) => (Number.isNaN(value) ? null : value))).toEqual(
      sample.prompt_logprobs,
    );
    const pass = decodeForwardBackwardResult(Buffer.from(forward_backward.bytes, "base64"));
    expect(pass.logProbs.map((own) => [...own])).toEqual(forward_backward.logprobs);
    expect(pass.metrics).toEqual(forward_backward.metrics);
  });
});

function textOf(sent: Sent | undefined): string {
  return Buffer.from(sent?.body ?? "", "base64").toString();
}
