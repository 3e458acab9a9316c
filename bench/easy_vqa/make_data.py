"""Turns pictures of easy-vqa's wheel into a DATA folder: make_data.py WHEEL SPLIT FOLDER [--from N] [--to N] [--unlabelled].

Prints how many pictures and rows it has. Pictures are numbered from 0 within a split.
"""

import argparse
import json
import re
from itertools import groupby
from pathlib import Path
from zipfile import ZipFile

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("wheel", type=Path)
parser.add_argument("split", choices=["train", "test"])
parser.add_argument("folder", type=Path)
parser.add_argument("--from", dest="first", type=int, default=0, help="the first picture")
parser.add_argument("--to", dest="end", type=int, help="the picture after the last")
parser.add_argument("--unlabelled", action="store_true", help="pictures alone")
a = parser.parse_args()

colors = {"red", "green", "blue", "black", "gray", "teal", "brown", "yellow"}
shapes = {"circle", "rectangle", "triangle"}


def kind(question: str) -> str:
    """What is asked for, as the set itself names no kinds."""
    if re.match(r"(is|are|does|do)\b", question):
        return "yes or no"
    return "color" if question.startswith(("what color", "what is the color")) else "shape"


def denies(question: str) -> bool:
    return re.search(r"\b(not|no)\b", question) is not None


def seen(rows: list) -> str:
    """The colour and the shape in a picture, as far as all questions about it and their answers tell them."""
    said = set()
    for question, answer, _ in rows:
        if answer not in ("yes", "no") or denies(question) == (answer == "no"):
            said.update(question.rstrip("?").split(), [answer])
    return " ".join([*sorted(said & colors), *sorted(said & shapes)])


def thinking(question: str, answer: str, rows: list) -> str:
    """What is seen, and whether what is asked for is there."""
    if answer not in ("yes", "no"):
        return seen(rows)
    return f"{seen(rows)} {'there' if denies(question) == (answer == 'no') else 'missing'}"


a.folder.mkdir(parents=True)
with ZipFile(a.wheel) as files:
    data = f"easy_vqa/data/{a.split}"
    every = json.loads(files.read(f"{data}/questions.json"))
    rows = [row for row in every if a.first <= row[2] and (a.end is None or row[2] < a.end)]
    about = {image: list(group) for image, group in groupby(rows, key=lambda row: row[2])}
    for image in about:
        (a.folder / f"{image}.png").write_bytes(files.read(f"{data}/images/{image}.png"))
if not a.unlabelled:
    with open(a.folder / "metadata.jsonl", "w") as lines:
        for question, answer, image in rows:
            row = {"file_name": f"{image}.png", "question": question, "answer": answer, "kind": kind(question)}
            row["thinking"] = thinking(question, answer, about[image])
            lines.write(json.dumps(row) + "\n")
print(json.dumps({"pictures": len(about), "rows": 0 if a.unlabelled else len(rows)}))
