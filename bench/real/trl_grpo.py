#!/usr/bin/env python3
"""Plain GRPO of a model folder with TRL, LoRA on the text model, on a task whose answers a pattern checks.

  trl_grpo.py MODEL PICTURE TASK.json --seed S

Prints a line of JSON as grpo.ts does: the mean reward of each step's samples, and seconds of each step.
"""
import argparse
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
import torch
from datasets import Dataset
from peft import LoraConfig
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model")
parser.add_argument("picture")
parser.add_argument("task", type=Path)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--threads", type=int, default=2)
a = parser.parse_args()

torch.set_num_threads(a.threads)
task = json.loads(a.task.read_text())
pattern = re.compile(task["answer"], re.IGNORECASE)
rewards, seconds = [], []


def reward(completions, **_):
    texts = [completion[-1]["content"] for completion in completions]
    values = [float(bool(pattern.search(text.strip()))) for text in texts]
    rewards.append(sum(values) / len(values))
    return values


class Clock(TrainerCallback):
    def on_step_begin(self, *args, **kwargs):
        self.start = time.perf_counter()

    def on_step_end(self, *args, **kwargs):
        seconds.append(time.perf_counter() - self.start)
        print(f"step {len(seconds)} of {task['steps']}: mean reward {rewards[-1]:.2f}, {seconds[-1]:.0f} s", file=sys.stderr)


prompts = task["prompts"]
picture = Image.open(a.picture).convert("RGB")
data = Dataset.from_dict(
    {"prompt": [[{"role": "user", "content": text}] for text in prompts], "images": [[picture]] * len(prompts)}
)
scratch = tempfile.TemporaryDirectory()
arguments = GRPOConfig(
    output_dir=scratch.name,
    per_device_train_batch_size=task["group"],
    gradient_accumulation_steps=len(prompts),
    num_generations=task["group"],
    max_completion_length=task["tokens"],
    max_steps=task["steps"],
    learning_rate=task["learningRate"],
    lr_scheduler_type="constant",
    weight_decay=0.0,
    max_grad_norm=1.0,
    beta=0.0,
    temperature=1.0,
    seed=a.seed,
    use_cpu=True,
    bf16=False,
    gradient_checkpointing=False,
    report_to=[],
    save_strategy="no",
    disable_tqdm=True,
)
targets = r".*text_model.*(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
trainer = GRPOTrainer(
    model=AutoModelForImageTextToText.from_pretrained(a.model, dtype=torch.float32),
    reward_funcs=reward,
    args=arguments,
    train_dataset=data,
    processing_class=AutoProcessor.from_pretrained(a.model),
    peft_config=LoraConfig(r=task["rank"], lora_alpha=task["alpha"], target_modules=targets),
)
trainer.add_callback(Clock())
trainer.train()
print(json.dumps({"rewards": rewards, "seconds": seconds}))
