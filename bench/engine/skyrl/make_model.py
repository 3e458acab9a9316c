"""Writes a tiny Qwen3 with random weights, and the vocabulary of another model's folder: make_model.py FOLDER SOURCE."""
import json
import shutil
import sys
from pathlib import Path

import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

folder, source = map(Path, sys.argv[1:])
text = json.loads((source / "config.json").read_text())["text_config"]
torch.manual_seed(0)
config = Qwen3Config(
    vocab_size=text["vocab_size"],
    hidden_size=64,
    intermediate_size=128,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    max_position_embeddings=text["max_position_embeddings"],
    tie_word_embeddings=False,
    bos_token_id=text["bos_token_id"],
    eos_token_id=text["eos_token_id"],
    pad_token_id=text["pad_token_id"],
    # Wide enough that its logits say something.
    initializer_range=0.2,
    dtype="float32",
)
Qwen3ForCausalLM(config).save_pretrained(folder)
for name in ["tokenizer.json", "tokenizer_config.json"]:
    shutil.copy(source / name, folder / name)
