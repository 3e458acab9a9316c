"""Reads rows of Parquet files in the order of a list with `datasets`, their pictures decoded.

read_datasets.py FOLDER LIST CACHE: the last line that it prints is the same report as read_data.ts gives; opening includes
the copy in Arrow that `datasets` makes of the files.
"""

import glob
import hashlib
import json
import os
import sys
import time

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1")
folder, order_file, cache = sys.argv[1:]

import numpy as np
from datasets import load_dataset

started = time.perf_counter()
files = sorted(glob.glob(os.path.join(folder, "data/train-*.parquet")))
rows = load_dataset("parquet", data_files=files, split="train", cache_dir=cache)
rows = rows.select_columns(["image", "question", "answer"])
open_seconds = time.perf_counter() - started
with open(order_file) as file:
    order = json.load(file)


def read(index):
    row = rows[index]
    return row["question"], row["answer"], np.asarray(row["image"].convert("RGB"))


started, cpu_started = time.perf_counter(), time.process_time()
for index in order:
    read(index)
read_seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started

first = []
for index in order[:32]:
    question, answer, pixels = read(index)
    first.append((question, answer, hashlib.sha256(pixels.tobytes()).hexdigest()))
print(json.dumps({
    "rows": len(rows), "open_seconds": open_seconds, "read_seconds": read_seconds, "cpu_seconds": cpu_seconds,
    "first": first,
}))
