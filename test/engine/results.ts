import { ProtobufWriter } from "../../common/protobuf.ts";
import type { SampledTokens } from "../../policy/embedded/sampler.ts";

/** What a pass came to, as JSON and as protobuf have it. */
export function passResult(logProbs: readonly Float32Array[]): { value: unknown; proto: Uint8Array } {
  const ends = logProbs.map((_, i) => logProbs.slice(0, i + 1).reduce((sum, own) => sum + own.byteLength, 0));
  const all = Float32Array.from(logProbs.flatMap((own) => [...own]));
  const tensor = new ProtobufWriter()
    .bytes(1, bytesOf(all))
    .bytes(2, bytesOf(BigInt64Array.from([0, ...ends], BigInt)))
    .integer(3, 1);
  const record = new ProtobufWriter()
    .text(1, "ArrayRecord")
    .message(2, (entry) => entry.text(1, "logprobs").bytes(2, tensor.finish()))
    .integer(3, logProbs.length);
  return {
    value: {
      loss_fn_output_type: "ArrayRecord",
      loss_fn_outputs: logProbs.map((own) => ({
        logprobs: { data: [...own], dtype: "float32", shape: [own.length] },
      })),
      metrics: {},
    },
    proto: new ProtobufWriter().text(1, "ArrayRecord").bytes(2, record.finish()).finish(),
  };
}

export function sampleResult(sampled: readonly SampledTokens[]): { value: unknown; proto: Uint8Array } {
  const message = new ProtobufWriter();
  for (const { tokens, logProbs, finishReason } of sampled)
    message.message(1, (sequence) => {
      if (finishReason === "length") sequence.integer(1, 1);
      return sequence.bytes(2, bytesOf(tokens)).bytes(3, bytesOf(logProbs));
    });
  return {
    value: {
      sequences: sampled.map(({ tokens, logProbs, finishReason }) => ({
        stop_reason: finishReason,
        tokens: [...tokens],
        logprobs: [...logProbs],
      })),
    },
    proto: message.finish(),
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
