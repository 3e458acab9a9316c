"""Turns the wheel of easy-vqa into a DATA folder: make_data.py WHEEL SPLIT FOLDER; prints how many rows it has."""

import json
import re
import sys
from pathlib import Path
from zipfile import ZipFile

wheel, split, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
prefix = f"easy_vqa/data/{split}/"


def kind(question: str) -> str:
    """What is asked for, as the set itself names no kinds."""
    if re.match(r"(is|are|does|do)\b", question):
        return "yes or no"
    return "color" if question.startswith("what color") else "shape"


folder.mkdir(parents=True)
with ZipFile(wheel) as files:
    rows = json.loads(files.read(f"{prefix}questions.json"))
    for image in sorted({image for _, _, image in rows}):
        (folder / f"{image}.png").write_bytes(files.read(f"{prefix}images/{image}.png"))
with open(folder / "metadata.jsonl", "w") as lines:
    for question, answer, image in rows:
        row = {"file_name": f"{image}.png", "question": question, "answer": answer, "kind": kind(question)}
        lines.write(json.dumps(row) + "\n")
print(json.dumps({"rows": len(rows)}))
