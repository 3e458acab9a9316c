#!/usr/bin/env python3
"""Conversations of several turns and images, under the tiny models that make_reference.py wrote.

    make_conversations.py DIR

For each family's folder in DIR writes `conversations.json` (the messages, the images' files, and where each of the
assistant's turns lies) and, by transformers in float32 with eager attention, `conversation{i}.safetensors` (ids, and the
log-probability of each token of the assistant's turns, its end token included) and `conversations.grads_ce.safetensors`:
the gradient of every parameter of the sum of both conversations' losses, each the mean over those tokens.
"""
import os
import sys

import torch
from PIL import Image

from make_reference import (load_qwen, load_smol, param_grads, qwen_processor, read_json, save_tensors, smol_processor,
                            write_json)

TEXT, IMAGE = "text", "image"
CONVERSATIONS = [
    dict(images=[0, 1], messages=[
        ("user", [IMAGE, "Is this the same as ", IMAGE, "?"]),
        ("assistant", ["No, the second is smaller."]),
        ("user", ["And which is darker?"]),
        ("assistant", ["The first one."]),
    ]),
    dict(images=[2, 0], messages=[
        ("system", ["Answer in a few words."]),
        ("user", ["I will show you two pictures."]),
        ("assistant", ["Go on."]),
        ("user", ["Here is one: ", IMAGE, "What do you see?"]),
        ("assistant", ["Some shapes, 3 of them."]),
        ("tool", [IMAGE, "This is the other."]),
        ("assistant", ["It is different."]),
    ]),
]


def messages_of(conversation):
    part = lambda p: {"type": "image"} if p is IMAGE else {"type": "text", "text": p}
    return [{"role": role, "content": [part(p) for p in parts]} for role, parts in conversation["messages"]]


def smol(folder, split):
    processor = smol_processor(folder, split)
    files = [f"case{i}.png" for i in range(3)]
    return processor, files, lambda text, images: processor(text=text, images=[images] if images else None, return_tensors="pt")


def qwen(family, folder):
    processor = qwen_processor(family, folder)
    files = ["case0.image0.png", "case1.image0.png", "case2.image0.png"]
    return processor, files, lambda text, images: processor(text=[text], images=images or None, return_tensors="pt")


def spans_of(processor, encode, messages, images, ids, end):
    """Where the assistant's turns lie among the ids: from what a generation prompt ends with to the end token."""
    spans = []
    for k, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        asked = processor.apply_chat_template(messages[:k], add_generation_prompt=True)
        shown = sum(p["type"] == "image" for m in messages[:k] for p in m["content"])
        before = encode(asked, images[:shown])["input_ids"][0].tolist()
        assert ids[: len(before)] == before, "the turns before an answer do not begin the whole"
        spans.append([len(before), ids.index(end, len(before)) + 1])
    return spans


def compute(folder, model, make, end, rename, splits=(False, False)):
    metas, total = [], 0
    for i, conversation in enumerate(CONVERSATIONS):
        processor, files, encode = make(splits[i])
        names = [files[k] for k in conversation["images"]]
        images = [Image.open(os.path.join(folder, name)).convert("RGB") for name in names]
        messages = messages_of(conversation)
        inputs = dict(encode(processor.apply_chat_template(messages), images))
        ids = inputs["input_ids"][0].tolist()
        spans = spans_of(processor, encode, messages, images, ids, processor.tokenizer.convert_tokens_to_ids(end))
        if hasattr(model.model, "rope_deltas"):
            model.model.rope_deltas = None
        logits = model(**inputs, use_cache=False).logits
        log_probs = torch.log_softmax(logits[0, :-1], -1).gather(1, inputs["input_ids"][0, 1:, None])[:, 0]
        own = torch.cat([log_probs[a - 1 : b - 1] for a, b in spans])
        total = total - own.mean()
        save_tensors(os.path.join(folder, f"conversation{i}.safetensors"),
                     dict(input_ids=inputs["input_ids"], own_logprobs=own.detach()))
        metas.append(dict(messages=messages, images=names, own=spans, split=splits[i], loss=float(-own.mean())))
    save_tensors(os.path.join(folder, "conversations.grads_ce.safetensors"), rename(param_grads(model, total)))
    write_json(os.path.join(folder, "conversations.json"), metas)


def main(root):
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    folder = os.path.join(root, "smolvlm-tiny")
    compute(folder, load_smol(folder), lambda split: smol(folder, split), "<end_of_utterance>", lambda g: g, (False, True))
    for family, name in (("qwen", "qwen2_5_vl-tiny"), ("qwen3", "qwen3_vl-tiny")):
        folder = os.path.join(root, name)
        table = read_json(os.path.join(folder, "key_map.json")) if family == "qwen" else {}
        compute(folder, load_qwen(family, folder), lambda _: qwen(family, folder), "<|im_end|>",
                lambda g: {table.get(k, k): v for k, v in g.items()})


if __name__ == "__main__":
    main(sys.argv[1])
