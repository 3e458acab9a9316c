"""Writes a tiny Qwen3 with random weights, and a tokenizer of bytes, into the folder that is named."""
import sys

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

folder = sys.argv[1]
torch.manual_seed(0)

alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(alphabet + special)}, merges=[]))
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
PreTrainedTokenizerFast(
    tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", additional_special_tokens=special[1:2]
).save_pretrained(folder)

config = Qwen3Config(
    vocab_size=len(alphabet) + len(special),
    hidden_size=64,
    intermediate_size=128,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    max_position_embeddings=512,
    tie_word_embeddings=False,
    bos_token_id=None,
    eos_token_id=len(alphabet) + 2,
    pad_token_id=len(alphabet),
    initializer_range=0.2,
    dtype="float32",
)
Qwen3ForCausalLM(config).save_pretrained(folder)
