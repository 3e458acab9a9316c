#!/usr/bin/env python3
"""GRPO of a model folder on labelled questions with TRL, all parameters, a right answer earns 1.

  trl_grpo.py MODEL DATA OUT --steps N --every N --seed S

DATA is a folder of pictures with metadata.jsonl; OUT/checkpoint-K holds the model after K steps. Prints a line of JSON:
the mean reward of each step's samples, and seconds of each step.
"""
import argparse
import json
import os
import re
import sys
import time
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
import torch
from datasets import Dataset
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model")
parser.add_argument("data", type=Path)
parser.add_argument("out")
parser.add_argument("--steps", type=int, required=True)
parser.add_argument("--every", type=int, required=True)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--prompts", type=int, default=32)
parser.add_argument("--group", type=int, default=8)
parser.add_argument("--tokens", type=int, default=10)
parser.add_argument("--learning-rate", type=float, required=True)
a = parser.parse_args()

torch.set_num_threads(a.threads)
rewards, seconds = [], []


def reward(completions, answer, **_):
    said = [re.search(r"<answer>\s*(.*?)\s*</answer>", completion[-1]["content"]) for completion in completions]
    values = [float(match is not None and match.group(1).lower() == truth) for match, truth in zip(said, answer)]
    rewards.append(sum(values) / len(values))
    return values


class Clock(TrainerCallback):
    def on_step_begin(self, *args, **kwargs):
        self.start = time.perf_counter()

    def on_step_end(self, *args, **kwargs):
        seconds.append(time.perf_counter() - self.start)
        print(f"step {len(seconds)} of {a.steps}: mean reward {rewards[-1]:.2f}, {seconds[-1]:.1f} s", file=sys.stderr)


rows = [json.loads(line) for line in (a.data / "metadata.jsonl").read_text().splitlines()]
pictures = {name: Image.open(a.data / name).convert("RGB") for name in {row["file_name"] for row in rows}}
data = Dataset.from_dict(
    {
        "prompt": [[{"role": "user", "content": row["question"]}] for row in rows],
        "images": [[pictures[row["file_name"]]] for row in rows],
        "answer": [row["answer"] for row in rows],
    }
)
model = AutoModelForImageTextToText.from_pretrained(a.model, dtype=torch.float32)
arguments = GRPOConfig(
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
    max_grad_norm=1.0,
    epsilon_high=0.3,
    mask_truncated_completions=True,
    beta=0.0,
    temperature=1.0,
    generation_kwargs={"suppress_tokens": [model.config.image_token_id]},
    seed=a.seed,
    use_cpu=True,
    bf16=False,
    gradient_checkpointing=False,
    report_to=[],
    save_strategy="steps",
    save_steps=a.every,
    save_only_model=True,
    disable_tqdm=True,
)
processor = AutoProcessor.from_pretrained(a.model)
# Idefics3Processor adds the end of a turn anew, so that it no longer takes the line break with it: other ids than those
# that the model has learnt.
processor.tokenizer = AutoTokenizer.from_pretrained(a.model)
trainer = GRPOTrainer(
    model=model,
    reward_funcs=reward,
    args=arguments,
    train_dataset=data,
    processing_class=processor,
)
trainer.add_callback(Clock())
trainer.train()
print(json.dumps({"rewards": rewards, "seconds": seconds}))
