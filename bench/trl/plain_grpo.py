"""Plain GRPO of a model folder with TRL on the CPU: what the benchmarks that it is compared in share."""
import argparse
import json
import os
import sys
import time

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
import torch
from datasets import Dataset
from transformers import AutoModelForImageTextToText, AutoProcessor, TrainerCallback
from trl import GRPOConfig, GRPOTrainer


def parser_of(usage):
    """Of the model, a seed and threads; a benchmark adds its own."""
    parser = argparse.ArgumentParser(description=usage, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    return parser


def data_of(rows):
    """Rows of a question, a picture and, by further names, what answers are judged by."""
    others = [name for name in rows[0] if name not in ("question", "picture")]
    return Dataset.from_dict(
        {
            "prompt": [[{"role": "user", "content": row["question"]}] for row in rows],
            "images": [[row["picture"]] for row in rows],
            **{name: [row[name] for row in rows] for name in others},
        }
    )


def play(given, rows, judge, peft_config=None, **settings):
    """
    Trains all parameters, or an adapter. `judge(text, row)` rewards one answer. Prints a line of JSON: the mean reward of
    each step's samples, and seconds of each step.
    """
    torch.set_num_threads(given.threads)
    rewards, seconds = [], []

    def reward(completions, **columns):
        each = [{name: values[i] for name, values in columns.items() if name in rows[0]} for i in range(len(completions))]
        values = [float(judge(completion[-1]["content"], row)) for completion, row in zip(completions, each)]
        rewards.append(sum(values) / len(values))
        return values

    class Clock(TrainerCallback):
        def on_step_begin(self, *_, **__):
            self.start = time.perf_counter()

        def on_step_end(self, arguments, *_, **__):
            seconds.append(time.perf_counter() - self.start)
            place = f"step {len(seconds)} of {arguments.max_steps}"
            print(f"{place}: mean reward {rewards[-1]:.2f}, {seconds[-1]:.1f} s", file=sys.stderr)

    model = AutoModelForImageTextToText.from_pretrained(given.model, dtype=torch.float32)
    arguments = GRPOConfig(
        max_grad_norm=1.0,
        beta=0.0,
        temperature=1.0,
        # Many tokens of an image are never what anybody says.
        generation_kwargs={"suppress_tokens": [model.config.image_token_id]},
        seed=given.seed,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        report_to=[],
        disable_tqdm=True,
        **settings,
    )
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=reward,
        args=arguments,
        train_dataset=data_of(rows),
        processing_class=AutoProcessor.from_pretrained(given.model),
        peft_config=peft_config,
    )
    trainer.add_callback(Clock())
    trainer.train()
    print(json.dumps({"rewards": rewards, "seconds": seconds}))
