"""Reads exports of one run with each trainer's own loading code, and compares them with the lines of JSON.

read_exports.py EXPORTS MODEL READER...: a folder that holds every format's folder, a small model for trainers that want
one, and which of them are to read. The last line that it prints is {reader: {"rows": n, "equal": true or false}}, or {"missing": why} where a
reader is not installed, {"failed": why} where it does not read.
"""

import asyncio
import contextlib
import hashlib
import io
import json
import os
import sys
import tempfile
import traceback

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_CACHE=tempfile.mkdtemp(), USE_HF="1")
exports, model = map(os.path.abspath, sys.argv[1:3])
wanted_readers = sys.argv[3:]


def pixels(image):
    from PIL import Image

    if isinstance(image, str):
        image = Image.open(image)
    elif isinstance(image, bytes):
        image = Image.open(io.BytesIO(image))
    elif isinstance(image, dict):
        return pixels(image.get("bytes") or image.get("path") or image["image"])
    image = image.convert("RGB")
    return hashlib.sha256(f"{image.size}".encode() + image.tobytes()).hexdigest()


def rows(*parts):
    """Question, answer and pixels of each row."""
    return [(question.replace("<image>", "").strip(), answer, pixels(image)) for question, answer, image in parts]


def expected():
    folder = os.path.join(exports, "jsonl")
    with open(os.path.join(folder, "train.jsonl"), encoding="utf8") as file:
        lines = [json.loads(line) for line in file]
    return rows(*((line["question"], line["answer"], os.path.join(folder, line["image"])) for line in lines))


def read_datasets(folder):
    from datasets import load_dataset

    return rows(*((row["question"], row["answer"], row["image"]) for row in load_dataset(folder, split="train")))


def read_verl(folder):
    from glob import glob

    from omegaconf import OmegaConf
    from transformers import AutoProcessor
    from verl.utils.dataset.rl_dataset import RLHFDataset

    processor = AutoProcessor.from_pretrained(model)
    files = sorted(glob(os.path.join(folder, "data/train-*.parquet")))
    config = OmegaConf.create({"cache_dir": tempfile.mkdtemp(), "filter_overlong_prompts": False})
    loaded = RLHFDataset(files, processor.tokenizer, config, processor)
    parts = []
    for index in range(len(loaded)):
        row = loaded[index]
        image, text = row["raw_prompt"][0]["content"]
        parts.append((text["text"], row["reward_model"]["ground_truth"], image["image"]))
    return rows(*parts)


def read_llama_factory(folder):
    from llamafactory.data.loader import _get_merged_dataset
    from llamafactory.hparams import DataArguments, ModelArguments
    from transformers import Seq2SeqTrainingArguments

    data = DataArguments(dataset="visplay_train", dataset_dir=folder, media_dir=folder)
    training = Seq2SeqTrainingArguments(output_dir=tempfile.mkdtemp())
    loaded = _get_merged_dataset(data.dataset, ModelArguments(model_name_or_path=model), data, training, "sft")
    return rows(*((row["_prompt"][0]["content"], row["_response"][0]["content"], row["_images"][0]) for row in loaded))


def read_ms_swift(folder):
    from swift.dataset import load_dataset

    os.chdir(folder)
    loaded, _ = load_dataset("train.jsonl", remove_unused_columns=False)
    return rows(*((row["messages"][0]["content"], row["solution"], row["images"][0]) for row in loaded))


def read_webdataset(folder):
    import webdataset

    files = sorted(name for name in os.listdir(folder) if name.startswith("train-") and name.endswith(".tar"))
    loaded = webdataset.WebDataset([os.path.join(folder, name) for name in files], shardshuffle=False).decode("pil")
    parts = []
    for row in loaded:
        image = next(row[name] for name in ("png", "jpg", "webp", "gif") if name in row)
        parts.append((row["json"]["question"], row["json"]["answer"], image))
    return rows(*parts)


def read_trl(folder):
    """What its trainer hands to a reward in the first step."""
    from datasets import load_dataset
    from trl import GRPOConfig, GRPOTrainer

    taken = []

    def reward(prompts, completions, solution, images, **_):
        for prompt, answer, own in zip(prompts, solution, images):
            content = prompt[-1]["content"]
            text = content if isinstance(content, str) else "".join(part.get("text") or "" for part in content)
            taken.append((text, answer, own[0]))
        return [float(index % 2) for index in range(len(completions))]

    config = GRPOConfig(
        output_dir=tempfile.mkdtemp(), max_steps=1, num_generations=2, per_device_train_batch_size=8,
        max_completion_length=4, shuffle_dataset=False, report_to=[], use_cpu=True, bf16=False,
        save_strategy="no", disable_tqdm=True,
    )
    trainer = GRPOTrainer(
        model=model, reward_funcs=reward, args=config, train_dataset=load_dataset(folder, split="train")
    )
    trainer.train()
    # Each prompt stands there once for each of its completions.
    return rows(*taken[:: config.num_generations])


readers = {
    "datasets": read_datasets,
    "trl": read_trl,
    "webdataset": read_webdataset,
    "llama-factory": read_llama_factory,
    "ms-swift": read_ms_swift,
    "verl": read_verl,
}


def report_of(name):
    read = readers[name]
    wanted = expected()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            found = read(os.path.join(exports, name))
    except ImportError as error:
        return {"missing": str(error)}
    except Exception as error:
        traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {error}"[:500]}
    # TRL's first batch is some of the rows, drawn.
    equal = set(found) <= set(wanted) if read is read_trl else found == wanted
    return {"rows": len(found), "equal": len(found) > 0 and equal}


print(json.dumps({name: report_of(name) for name in wanted_readers}))
