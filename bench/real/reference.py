#!/usr/bin/env python3
"""What transformers makes of a model folder's prompts about one picture; prints a line of JSON.

  reference.py MODEL PICTURE PROMPTS.json --answers N --tokens T

ids: [prompts][tokens] of each prompt's turn. answers: for the first N prompts T greedy tokens and, of each, its
log-probability (natural log) in float32.
"""
import argparse
import json
import os
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model")
parser.add_argument("picture")
parser.add_argument("prompts", type=Path)
parser.add_argument("--answers", type=int, default=10)
parser.add_argument("--tokens", type=int, default=24)
parser.add_argument("--threads", type=int, default=2)
a = parser.parse_args()

torch.set_num_threads(a.threads)
processor = AutoProcessor.from_pretrained(a.model)
model = AutoModelForImageTextToText.from_pretrained(a.model, dtype=torch.float32).eval()
picture = Image.open(a.picture).convert("RGB")


def inputs_of(text):
    content = [{"type": "image"}, {"type": "text", "text": text}]
    prompt = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    return processor(text=prompt, images=[picture], return_tensors="pt")


def answer(inputs):
    with torch.no_grad():
        output = model.generate(
            **inputs, max_new_tokens=a.tokens, do_sample=False, output_scores=True, return_dict_in_generate=True,
        )
    tokens = output.sequences[0, inputs["input_ids"].shape[1] :]
    scores = torch.stack(output.scores)[:, 0].log_softmax(-1)
    return {"tokens": tokens.tolist(), "logProbs": scores.gather(1, tokens[:, None])[:, 0].tolist()}


# A literal image token in a text would be taken for a picture that is missing; such prompts have no ids here.
ids, answers = [], []
for text in json.loads(a.prompts.read_text()):
    try:
        inputs = inputs_of(text)
    except ValueError:
        ids.append(None)
        continue
    ids.append(inputs["input_ids"][0].tolist())
    if len(answers) < a.answers:
        answers.append({"prompt": text, **answer(inputs)})
print(json.dumps({"ids": ids, "answers": answers}))
