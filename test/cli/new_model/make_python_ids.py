"""What Python's tokenizers make of a folder that `visplay new-model` wrote: make_python_ids.py, in this folder.

Writes python_ids.json; made with transformers 5.24.0 and tokenizers 0.23.3."""

import json
import subprocess
import tempfile
from pathlib import Path

from transformers import AutoTokenizer

here = Path(__file__).parent
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
with tempfile.TemporaryDirectory() as scratch:
    folder = f"{scratch}/model"
    visplay = here / "../../../bin/visplay.js"
    subprocess.run(
        ["node", visplay, "new-model", "--data", data, "--also", "chain", "--out", folder], check=True
    )
    tokenizer = AutoTokenizer.from_pretrained(folder)
rows = []
for text in texts:
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    rows.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=True)})
(here / "python_ids.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
