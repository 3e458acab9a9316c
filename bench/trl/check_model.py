#!/usr/bin/env python3
"""Loads a model folder with transformers and answers a question about an image, greedily.

  check_model.py MODEL IMAGE "how many red circle ?"

Prints the loading report's complaints (none are expected), the prompt's ids, and the completion's ids and text.
"""
import json, os, sys

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

folder, image, question = sys.argv[1:]
processor = AutoProcessor.from_pretrained(folder)
model, report = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
messages = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}]
prompt = processor.apply_chat_template(messages, add_generation_prompt=True)
inputs = processor(text=prompt, images=[Image.open(image).convert("RGB")], return_tensors="pt")
with torch.no_grad():
    output = model.generate(**inputs, max_new_tokens=32, do_sample=False)
completion = output[0, inputs["input_ids"].shape[1]:].tolist()
print(json.dumps({
    "complaints": {key: sorted(map(str, value)) for key, value in report.items() if value},
    "prompt": inputs["input_ids"][0].tolist(),
    "completion": completion,
    "text": processor.decode(completion, skip_special_tokens=True),
}))
