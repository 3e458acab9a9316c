"""Reads exports of one run's trajectories with tools as TRL does, and compares them with the lines of JSON.

read_trajectories.py EXPORTS MODEL READER...: a folder with the folders `trl` and `jsonl`, a small model, and which readers
are to read. The last line that it prints is {reader: {"rows": n, "equal": true or false}}, or {"missing": why} where a reader is not installed, {"failed": why}
where it does not read. `trajectories`: messages, calls, tools and pixels by `datasets`, and the text that a chat template
with a form for tools makes of them, which tells of the tools and writes the calls; `trl-sft`: rows of a step of `SFTTrainer`.
"""

import contextlib
import hashlib
import json
import os
import sys
import tempfile
import traceback

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_CACHE=tempfile.mkdtemp())
exports, model = map(os.path.abspath, sys.argv[1:3])
wanted_readers = sys.argv[3:]

TEMPLATE = """{%- if tools -%}{{- '<tools>' -}}{%- for tool in tools -%}{{- tool | tojson -}}{%- endfor -%}{{- '</tools>' -}}{%- endif -%}
{%- for message in messages -%}{{- '<' ~ message.role ~ '>' -}}{%- for part in message.content -%}
{{- '<image>' if part.type == 'image' else part.text -}}{%- endfor -%}
{%- for call in message.tool_calls or [] -%}{{- '<tool_call>' ~ (call.function | tojson) ~ '</tool_call>' -}}{%- endfor -%}
{%- endfor -%}"""


def pixels(image):
    from PIL import Image

    image = (Image.open(image) if isinstance(image, str) else image).convert("RGB")
    return hashlib.sha256(f"{image.size}".encode() + image.tobytes()).hexdigest()


def told(messages, tools, images):
    """Who says what, with calls, tools, and pictures by their pixels in the order in which they are shown."""
    parts = [[part["text"] if part["type"] == "text" else None for part in message["content"]] for message in messages]
    calls = [[call["function"] for call in message.get("tool_calls") or []] for message in messages]
    return [[message["role"] for message in messages], parts, calls, tools or [], [pixels(image) for image in images]]


def expected():
    folder = os.path.join(exports, "jsonl")
    with open(os.path.join(folder, "train.jsonl"), encoding="utf8") as file:
        for row in map(json.loads, file):
            shown = [part["image"] for message in row["messages"] for part in message["content"] if "image" in part]
            yield told(row["messages"], row["tools"], [os.path.join(folder, name) for name in shown])


def loaded():
    from datasets import load_dataset

    return load_dataset(os.path.join(exports, "trl"), split="train")


def read_trajectories():
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.chat_template = TEMPLATE
    rows = list(loaded())
    equal = [told(row["messages"], row["tools"], row["images"]) for row in rows] == list(expected())
    for row in rows:
        text = tokenizer.apply_chat_template(row["messages"], tools=row["tools"], tokenize=False)
        calls = sum(len(message["tool_calls"] or []) for message in row["messages"])
        equal = equal and text.count('<tool_call>{"name"') >= calls and ("<tools>" in text) == bool(row["tools"])
    return {"rows": len(rows), "equal": equal}


def with_pictures(rows):
    """Pictures in the messages themselves: TRL's collator fills none in what a tool answered."""
    for messages, images in zip(rows["messages"], rows["images"]):
        pictures = iter(images)
        for part in (part for message in messages for part in message["content"]):
            if part["type"] == "image":
                part["image"] = next(pictures)
    return {**rows, "images": [[] for _ in rows["images"]]}


def read_trl_sft():
    from trl import SFTConfig, SFTTrainer

    config = SFTConfig(
        output_dir=tempfile.mkdtemp(), max_steps=1, per_device_train_batch_size=4, max_length=None,
        report_to=[], use_cpu=True, bf16=False, save_strategy="no", disable_tqdm=True,
    )
    trainer = SFTTrainer(model=model, args=config, train_dataset=loaded().with_transform(with_pictures))
    collate, seen = trainer.data_collator, []

    def watched(examples):
        batch = collate(examples)
        shown = sum(part["type"] == "image" for row in examples for message in row["messages"] for part in message["content"])
        seen.append((len(examples), shown == int(batch["pixel_attention_mask"].any(dim=(-1, -2)).sum())))
        return batch

    trainer.data_collator = watched
    trainer.train()
    return {"rows": sum(rows for rows, _ in seen), "equal": all(whole for _, whole in seen)}


def report_of(read):
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return read()
    except ImportError as error:
        return {"missing": str(error)}
    except Exception as error:
        traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {error}"[:500]}


readers = {"trajectories": read_trajectories, "trl-sft": read_trl_sft}
print(json.dumps({name: report_of(readers[name]) for name in wanted_readers}))
