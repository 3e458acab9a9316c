#!/usr/bin/env python3
"""GRPO of a model folder on labelled questions with TRL, all parameters, a right answer earns 1.

  trl_grpo.py MODEL DATA OUT --steps N --every N --seed S

DATA is a folder of pictures with metadata.jsonl; OUT/checkpoint-K holds the model after K steps. Prints a line of JSON:
the mean reward of each step's samples, and seconds of each step.
"""
import json
import re
import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "trl"))
from plain_grpo import parser_of, play

parser = parser_of(__doc__)
parser.add_argument("data", type=Path)
parser.add_argument("out")
parser.add_argument("--steps", type=int, required=True)
parser.add_argument("--every", type=int, required=True)
parser.add_argument("--prompts", type=int, default=32)
parser.add_argument("--group", type=int, default=8)
parser.add_argument("--tokens", type=int, default=10)
parser.add_argument("--learning-rate", type=float, required=True)
a = parser.parse_args()


def judge(text, row):
    said = re.search(r"<answer>\s*(.*?)\s*</answer>", text)
    return said is not None and said.group(1).lower() == row["answer"]


lines = [json.loads(line) for line in (a.data / "metadata.jsonl").read_text().splitlines()]
pictures = {name: Image.open(a.data / name).convert("RGB") for name in {line["file_name"] for line in lines}}
play(
    a,
    [{"question": line["question"], "picture": pictures[line["file_name"]], "answer": line["answer"]} for line in lines],
    judge,
    output_dir=a.out,
    per_device_train_batch_size=a.prompts * a.group,
    num_generations=a.group,
    max_completion_length=a.tokens,
    max_steps=a.steps,
    learning_rate=a.learning_rate,
    lr_scheduler_type="constant_with_warmup",
    warmup_steps=5,
    adam_beta2=0.99,
    weight_decay=0.01,
    epsilon_high=0.3,
    mask_truncated_completions=True,
    save_strategy="steps",
    save_steps=a.every,
    save_only_model=True,
)
