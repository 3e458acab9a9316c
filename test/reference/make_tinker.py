#!/usr/bin/env python3
"""Record what the Python package `tinker` sends and reads, for test/engine/wire.test.ts.

    pip install tinker==0.38.0
    make_tinker.py --out test/reference/tinker/wire.json

Requests are caught by a server on this machine, as the package's own client sends them. Results are written by the
package's protobuf classes, and stand beside the values that the package reads of them.
"""
import argparse
import asyncio
import base64
import http.server
import json
import struct
import sys
import threading
import types as modules
import zlib

try:
    import transformers  # noqa: F401
except ImportError:  # only its tokenizers are wanted, and none are used here
    stub = modules.ModuleType("transformers")
    stub.PreTrainedTokenizer = stub.PreTrainedTokenizerFast = object
    sys.modules["transformers"] = stub
    utils = modules.ModuleType("transformers.tokenization_utils")
    utils.PreTrainedTokenizer = object
    sys.modules["transformers.tokenization_utils"] = utils

import numpy as np
from tinker import __version__, types
from tinker._client import AsyncTinker
from tinker.proto import response_conv
from tinker.proto import tinker_public_pb2 as pb
from tinker.types.client_config_request import ClientConfigRequest
from tinker.types.create_model_request import CreateModelRequest
from tinker.types.create_session_request import CreateSessionRequest
from tinker.types.forward_backward_input import ForwardBackwardInput
from tinker.types.forward_backward_request import ForwardBackwardRequest
from tinker.types.future_retrieve_request import FutureRetrieveRequest
from tinker.types.futures_retrieve_request import FuturesRetrieveRequest, SamplingSessionFuturesTarget
from tinker.types.load_weights_request import LoadWeightsRequest
from tinker.types.optim_step_request import OptimStepRequest
from tinker.types.sample_request import SampleRequest
from tinker.types.save_weights_for_sampler_request import SaveWeightsForSamplerRequest
from tinker.types.save_weights_request import SaveWeightsRequest


def png(width, height, seed):
    """A PNG file of RGB noise, written by hand so that any version of any library gives the same bytes."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")


class Recorder(http.server.BaseHTTPRequestHandler):
    caught = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        names = ["content-type", "content-encoding", "accept", "x-api-key"]
        headers = {name: self.headers[name] for name in names if self.headers[name]}
        Recorder.caught.append({"path": self.path, "headers": headers, "body": base64.b64encode(body).decode()})
        answer = json.dumps({"request_id": "r", "session_id": "s", "completions": [], "cursor": 0}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def passes():
    tensor = lambda values, dtype: types.TensorData(data=values, dtype=dtype, shape=[len(values)])
    image = types.ImageChunk(data=png(7, 5, 1), format="png", expected_tokens=4)
    text = lambda tokens: types.EncodedTextChunk(tokens=tokens)
    inputs = lambda targets, **others: {
        **{name: tensor(values, "float32") for name, values in others.items()},
        "target_tokens": tensor(targets, "int64"),
    }
    seen = types.Datum(
        model_input=types.ModelInput(chunks=[text([1, 2, 70000]), image, text([9, 10])]),
        loss_fn_inputs=inputs(
            [2, 70000, 0, 0, 0, 0, 9, 10, 11],
            advantages=[0, 0, 0, 0, 0, 0, 0, 0.25, -1.5],
            logprobs=[0, 0, 0, 0, 0, 0, 0, -0.125, -3.75],
            weights=[0, 0, 0, 0, 0, 0, 0, 1, 1],
        ),
    )
    plain = types.Datum(
        model_input=types.ModelInput(chunks=[text([5, 6, 7])]),
        loss_fn_inputs=inputs([6, 7, 8], weights=[0, 0.5, 1]),
    )
    return {
        "importance_sampling": (ForwardBackwardInput(data=[seen, seen], loss_fn="importance_sampling"), 3, False),
        "forward": (ForwardBackwardInput(data=[seen, plain], loss_fn="cross_entropy"), 2, True),
    }


async def send(url):
    """Every kind of request, under a name."""
    client = AsyncTinker(api_key="tml-key", base_url=url, max_retries=0)
    caught = {}

    async def catch(name, call):
        Recorder.caught.clear()
        try:
            await call
        except Exception as error:  # the answer is none that the package likes; what it sent is here
            if not Recorder.caught:
                raise error
        caught[name] = Recorder.caught[0]

    for name, (given, seq, only) in passes().items():
        request = ForwardBackwardRequest(forward_backward_input=given, model_id="model-1", seq_id=seq)
        await catch(name, client.training.forward_backward(request=request, forward_only=only))
    adam = types.AdamParams(
        learning_rate=1e-5, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.01, grad_clip_norm=1.0
    )
    step = OptimStepRequest(optim_params=adam, model_id="model-1", seq_id=4)
    await catch("optim_step", client.training.optim_step(request=step))
    prompt = types.ModelInput(
        chunks=[
            types.EncodedTextChunk(tokens=[1, 2, 3]),
            types.ImageChunk(data=png(7, 5, 1), format="png", expected_tokens=4),
            types.EncodedTextChunk(tokens=[9]),
        ]
    )
    sample = SampleRequest(
        sampling_session_id="sampler-1",
        seq_id=0,
        num_samples=8,
        prompt=prompt,
        sampling_params=types.SamplingParams(max_tokens=64, seed=7, stop=[2, 5], temperature=1, top_k=-1, top_p=1),
        prompt_logprobs=False,
    )
    await catch("asample", client.sampling.asample(request=sample))
    lora = types.LoraConfig(rank=16, seed=3, train_unembed=False)
    create = CreateModelRequest(session_id="session-1", model_seq_id=0, base_model="Qwen/Qwen3.5-4B", lora_config=lora)
    await catch("create_model", client.models.create(request=create))
    session = CreateSessionRequest(tags=["visplay-reasoner"], user_metadata=None, sdk_version="0.38.0")
    await catch("create_session", client.service.create_session(request=session))
    config = ClientConfigRequest(sdk_version="0.38.0")
    await catch("client_config", client.service.client_config(request=config))
    save = SaveWeightsRequest(model_id="model-1", path="state-1", seq_id=5, overwrite=True)
    await catch("save_weights", client.weights.save(request=save))
    publish = SaveWeightsForSamplerRequest(model_id="model-1", sampling_session_seq_id=0, seq_id=6)
    await catch("save_weights_for_sampler", client.weights.save_for_sampler(request=publish))
    load = LoadWeightsRequest(model_id="model-1", seq_id=1, path="tinker://model-0/weights/state-1", optimizer=True)
    await catch("load_weights", client.weights.load(request=load))
    await catch("retrieve_future", client.futures.retrieve(request=FutureRetrieveRequest(request_id="request-1")))
    target = SamplingSessionFuturesTarget(sampling_session_id="sampler-1")
    many = FuturesRetrieveRequest(target=target, prev_cursor=0, retrieved_request_ids=[])
    await catch("retrieve_futures", client.futures.retrieve_multi(request=many))
    return caught


def results():
    """Messages of a server, and what the package reads of them."""
    numbers = lambda values, dtype: np.array(values, dtype=dtype).tobytes()
    sample = pb.SampleResponse(
        sequences=[
            pb.SampledSequence(
                stop_reason=pb.STOP_REASON_STOP,
                tokens=numbers([3, 70000, 2], np.int32),
                logprobs=numbers([-0.5, -1.25, -3.5], np.float32),
            ),
            pb.SampledSequence(
                stop_reason=pb.STOP_REASON_LENGTH,
                tokens=numbers([4], np.int32),
                logprobs=numbers([-0.0625], np.float32),
            ),
        ],
        prompt_logprobs=numbers([np.nan, -2.5], np.float32),
        prompt_cache_hit_tokens=300,
    )
    read = response_conv.deserialize_sample_response(sample.SerializeToString(deterministic=True))
    found = [(s.stop_reason, list(s.tokens), [float(x) for x in s.logprobs]) for s in read.sequences]
    forward = pb.ForwardBackwardOutput(loss_fn_output_type="ArrayRecord", metrics={"loss:sum": 1.5, "tokens:sum": 3.0})
    bfloat16 = (np.array([-0.5, -2.0], np.float32).view(np.uint32) >> 16).astype(np.uint16)
    for data, offsets, dtype in [
        (numbers([-0.125, -0.25, -0.375], np.float32), [0, 8, 12], pb.DTYPE_FLOAT32),
        (bfloat16.tobytes(), [0, 4], pb.DTYPE_BFLOAT16),
    ]:
        record = forward.loss_fn_outputs.add(type_tag="t", num_datums=len(offsets) - 1)
        for name in ["elementwise_loss", "logprobs"]:
            field = record.fields[name]
            field.data, field.offsets, field.dtype = data, numbers(offsets, np.int64), dtype
    out = response_conv.deserialize_forward_backward_output(forward.SerializeToString(deterministic=True))
    encode = lambda message: base64.b64encode(message.SerializeToString(deterministic=True)).decode()
    return {
        "sample": {"bytes": encode(sample), "sequences": found, "prompt_logprobs": [None, float(read.prompt_logprobs[1])]},
        "forward_backward": {
            "bytes": encode(forward),
            "logprobs": [[float(x) for x in one["logprobs"].data] for one in out.loss_fn_outputs],
            "metrics": out.metrics,
        },
    }


def sort_maps(caught):
    """Protobuf leaves the order of a map open, and the package's differs from run to run: it is that of the keys here."""
    for name in passes():
        message = pb.ForwardBackwardRequest()
        message.ParseFromString(base64.b64decode(caught[name]["body"]))
        caught[name]["body"] = base64.b64encode(message.SerializeToString(deterministic=True)).decode()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    out = parser.parse_args().out
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    caught = asyncio.run(send(f"http://127.0.0.1:{server.server_port}"))
    sort_maps(caught)
    with open(out, "w") as file:
        json.dump({"tinker": __version__, "requests": caught, "results": results()}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
