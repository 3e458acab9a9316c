#!/usr/bin/env python3
"""Loads FOLDER and its adapter with PEFT, and compares what ROLLOUTS says of them.

  load_adapter.py FOLDER ROLLOUTS

Prints one line of JSON: whether the prompt has the same ids, the largest difference of a log-probability, and how far
the adapter moved them.
"""
import json
import os
import sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
import torch
from peft import PeftModel
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoProcessor

folder, rollouts = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
processor = AutoProcessor.from_pretrained(folder)
# With torchvision installed, another resampler than Pillow's would be the default.
processor.image_processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
messages = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": rollouts["text"]}]}]
prompt = processor.apply_chat_template(messages, add_generation_prompt=True)
inputs = processor(text=prompt, images=[Image.open(folder / "image.png").convert("RGB")], return_tensors="pt")
ids = inputs["input_ids"][0].tolist()


def logprobs(model, completion):
    sequence = torch.tensor([rollouts["prompt"] + completion])
    extra = {k: v for k, v in inputs.items() if k not in ("input_ids", "attention_mask", "mm_token_type_ids")}
    if "mm_token_type_ids" in inputs:
        extra["mm_token_type_ids"] = (sequence == model.config.image_token_id).int()
    with torch.no_grad():
        logits = model(input_ids=sequence, attention_mask=torch.ones_like(sequence), **extra).logits[0].double()
    start = len(rollouts["prompt"]) - 1
    rows = logits[start : start + len(completion)].log_softmax(-1)
    return rows[range(len(completion)), completion]


base = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
untrained = [logprobs(base, each["tokens"]) for each in rollouts["completions"]]
trained = PeftModel.from_pretrained(base, folder / "adapter").eval()
difference = moved = 0.0
for each, before in zip(rollouts["completions"], untrained):
    found = logprobs(trained, each["tokens"])
    difference = max(difference, (found - torch.tensor(each["logProbs"])).abs().max().item())
    moved = max(moved, (found - before).abs().max().item())
print(json.dumps(dict(same_ids=ids == rollouts["prompt"], difference=difference, moved=moved)))
