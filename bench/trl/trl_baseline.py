#!/usr/bin/env python3
"""Times TRL's GRPOTrainer on the CPU with a SmolVLM/Idefics3 of random weights: what a user would otherwise run.

Prints one line of JSON as grpo_step.ts does: seconds of each step and of its sampling, and the process's peak memory.
Every completion has exactly --tokens tokens, so that two trainers do the same work. See README.md for how to run it.
"""
import argparse
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
reference = Path(__file__).resolve().parents[2] / "test/reference/smolvlm-tiny"
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
parser.add_argument("--reference", default=str(reference), help="model folder: tokenizer, processor and what --size leaves")
parser.add_argument("--size", choices=["tiny", "256m"], default="tiny", help="the embedded model's sizes, or SmolVLM-256M's with LoRA")
parser.add_argument("--image-folder", help="PNG files to ask about; noise where absent")
parser.add_argument("--question", default="How many circles are there?", help="asked about every image")
for name, default, meaning in (
    ("images", 16, "prompts of a step"),
    ("group", 8, "completions of a prompt"),
    ("tokens", 24, "tokens of a completion"),
    ("steps", 5, "steps, of which the first warms up"),
    ("threads", 2, "CPU threads"),
):
    parser.add_argument(f"--{name}", type=int, default=default, help=meaning)
a = parser.parse_args()

import numpy as np
import torch
from datasets import Dataset
from PIL import Image
from transformers import AutoProcessor, Idefics3Config, Idefics3ForConditionalGeneration, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

torch.set_num_threads(a.threads)
processor = AutoProcessor.from_pretrained(a.reference)
config = json.loads(Path(a.reference, "config.json").read_text())
text, vision = config["text_config"], config["vision_config"]
if a.size == "tiny":
    text.update(hidden_size=128, intermediate_size=256, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=4, head_dim=32)
    vision.update(hidden_size=96, intermediate_size=192, num_hidden_layers=3, num_attention_heads=4)
    side, batch, extra = 64, a.images * a.group, {}
else:
    from peft import LoraConfig

    text.update(hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3, head_dim=64, vocab_size=49280)
    vision.update(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, image_size=512, patch_size=16)
    config.update(scale_factor=4, vocab_size=49280)
    processor.image_processor.size = processor.image_processor.max_image_size = {"longest_edge": 512}
    processor.image_seq_len = 64
    targets = r".*text_model.*(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
    side, batch, extra = 512, a.group, dict(peft_config=LoraConfig(r=16, lora_alpha=32, target_modules=targets))
model = Idefics3ForConditionalGeneration(Idefics3Config.from_dict(config)).float()

rng = np.random.default_rng(0)
if a.image_folder:
    images = [Image.open(file).convert("RGB") for file in sorted(Path(a.image_folder).glob("*.png"))]
else:
    images = [Image.fromarray(rng.integers(0, 255, (side, side, 3), dtype=np.uint8)) for _ in range(a.images * a.steps)]
prompt = [{"role": "user", "content": a.question}]
data = Dataset.from_dict({"prompt": [prompt] * len(images), "images": [[image] for image in images]})

sampling, steps = [], []
generate = GRPOTrainer._generate


def timed_generate(self, *args, **kwargs):
    start = time.perf_counter()
    result = generate(self, *args, **kwargs)
    sampling.append(time.perf_counter() - start)
    return result


GRPOTrainer._generate = timed_generate


class Clock(TrainerCallback):
    def on_step_begin(self, *args, **kwargs):
        self.start = time.perf_counter()

    def on_step_end(self, *args, **kwargs):
        steps.append(time.perf_counter() - self.start)


scratch = tempfile.TemporaryDirectory()
arguments = GRPOConfig(
    output_dir=scratch.name,
    per_device_train_batch_size=batch,
    gradient_accumulation_steps=a.images * a.group // batch,
    num_generations=a.group,
    max_completion_length=a.tokens,
    max_steps=a.steps,
    learning_rate=1e-5,
    beta=0.0,
    temperature=1.0,
    generation_kwargs={"min_new_tokens": a.tokens, "suppress_tokens": [config["image_token_id"]]},
    use_cpu=True,
    bf16=False,
    gradient_checkpointing=False,
    report_to=[],
    save_strategy="no",
    disable_tqdm=True,
)
trainer = GRPOTrainer(
    model=model,
    reward_funcs=lambda completions, **_: [float(rng.random()) for _ in completions],
    args=arguments,
    train_dataset=data,
    processing_class=processor,
    **extra,
)
trainer.add_callback(Clock())
trainer.train()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
print(json.dumps(dict(trainer="trl", parameters=parameters, seconds=steps, sampling_seconds=sampling, peak_mb=peak)))
