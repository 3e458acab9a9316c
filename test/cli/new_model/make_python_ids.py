"""What Python makes of folders that `visplay new-model` and `visplay pretrain` wrote: make_python_ids.py, in this folder.

Writes python_ids.json: texts by the new model's tokenizer, and conversations by the processors of that model and of the
embedded one. Made with transformers 5.18.0, tokenizers 0.23.3, jinja2 and pillow 12.3.0; PyTorch is not needed."""

import json
import subprocess
import tempfile
from pathlib import Path

from PIL import Image
from transformers import AutoProcessor, AutoTokenizer

here = Path(__file__).parent
root = here / "../../.."
data = here / "questions.jsonl"
texts = [
    "what color is the circle?",
    "<|im_start|>User:<image>isn't there a triangle?<end_of_utterance>\nAssistant:",
    "<think> It is small. </think> <answer> blue </answer>",
    "<think>It is small.</think>\n<answer>3.5 m²</answer>",
    "Wie groß ist die Fläche (in m²)?",
    "how many 😀 are there?  12\n\n(what)",
    "\\boxed{12} - 学校 words that nobody knows",
    "Question: how many?\nAnswer: 12",
]
picture = {"type": "image"}


def says(role, *parts):
    content = [part if isinstance(part, dict) else {"type": "text", "text": part} for part in parts]
    return {"role": role, "content": content}


conversations = [
    [says("user", picture, "what color is the circle?")],
    [says("user", "what is written? "), says("assistant", "blue"), says("user", picture, " how many\n", picture)],
    [
        says("system", "how many\nare there?"),
        says("user", picture, "what color is the circle?"),
        says("assistant", "<think> I see a small circle. </think> <answer> blue </answer>"),
        says("tool", "3.5 m²"),
    ],
]


def ids_of(processor, messages):
    text = processor.apply_chat_template(messages, add_generation_prompt=True)
    count = sum(part["type"] == "image" for message in messages for part in message["content"])
    pictures = [Image.new("RGB", (64, 64), (200, 10, 10)) for _ in range(count)]
    return [int(token) for token in processor(text=text, images=pictures)["input_ids"][0]]


with tempfile.TemporaryDirectory() as scratch:
    folder = f"{scratch}/model"
    command = [root / "bin/visplay.js", "new-model", "--data", data, "--also", "chain", "--out", folder]
    subprocess.run(["node", *command], check=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    read = [
        {"text": text, "ids": row, "decoded": tokenizer.decode(row, skip_special_tokens=True)}
        for text, row in zip(texts, ids)
    ]
    processors = {"new": AutoProcessor.from_pretrained(folder), "embedded": AutoProcessor.from_pretrained(root / "models/tiny")}
held = [
    {"messages": messages, **{name: ids_of(processor, messages) for name, processor in processors.items()}}
    for messages in conversations
]
(here / "python_ids.json").write_text(json.dumps({"texts": read, "conversations": held}, ensure_ascii=False, indent=1) + "\n")
