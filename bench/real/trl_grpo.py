#!/usr/bin/env python3
"""Plain GRPO of a model folder with TRL, LoRA on the text model, on a task whose answers a pattern checks.

  trl_grpo.py MODEL PICTURE TASK.json --seed S

Prints a line of JSON as grpo.ts does: the mean reward of each step's samples, and seconds of each step.
"""
import json
import re
import sys
import tempfile
from pathlib import Path

from peft import LoraConfig
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "trl"))
from plain_grpo import parser_of, play

parser = parser_of(__doc__)
parser.add_argument("picture")
parser.add_argument("task", type=Path)
a = parser.parse_args()

task = json.loads(a.task.read_text())
pattern = re.compile(task["answer"], re.IGNORECASE)
picture = Image.open(a.picture).convert("RGB")
targets = r".*text_model.*(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
with tempfile.TemporaryDirectory() as scratch:
    play(
        a,
        [{"question": text, "picture": picture} for text in task["prompts"]],
        lambda text, _: pattern.search(text.strip()) is not None,
        peft_config=LoraConfig(r=task["rank"], lora_alpha=task["alpha"], target_modules=targets),
        output_dir=scratch,
        per_device_train_batch_size=task["group"],
        gradient_accumulation_steps=len(task["prompts"]),
        num_generations=task["group"],
        max_completion_length=task["tokens"],
        max_steps=task["steps"],
        learning_rate=task["learningRate"],
        lr_scheduler_type="constant",
        weight_decay=0.0,
        save_strategy="no",
    )
