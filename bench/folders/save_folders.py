#!/usr/bin/env python3
"""Writes one tiny model folder of random weights for each family, exactly as `save_pretrained` of the installed
transformers leaves it.

  save_folders.py OUT [FAMILY ...]

Tokenizers and chat templates are those of test/reference. Nothing in a folder is touched after it was saved.
"""
import os
import sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
import torch
import transformers
from transformers import AutoTokenizer, Qwen2TokenizerFast

reference = Path(__file__).resolve().parents[2] / "test/reference"
text = dict(
    hidden_size=64, intermediate_size=112, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=2048,
)


def idefics3(family):
    """Idefics3 and SmolVLM with the padding token of their classes, 128002, which no tokenizer here has."""
    tokenizer = AutoTokenizer.from_pretrained(reference / "smolvlm-tiny")
    name = {"idefics3": "Idefics3", "smolvlm": "SmolVLM"}[family]
    config = getattr(transformers, f"{name}Config")(
        text_config=dict(model_type="llama", vocab_size=len(tokenizer), head_dim=16, rope_theta=100000.0, **text),
        vision_config=dict(
            hidden_size=48, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, image_size=64, patch_size=8
        ),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        eos_token_id=tokenizer.convert_tokens_to_ids("<end_of_utterance>"),
    )
    images = image_processor(name, size={"longest_edge": 128}, max_image_size={"longest_edge": 64})
    videos = [transformers.SmolVLMVideoProcessor()] if family == "smolvlm" else []
    processor = getattr(transformers, f"{name}Processor")
    return config, processor(images, tokenizer, *videos, image_seq_len=16, chat_template=tokenizer.chat_template)


def qwen(family):
    third = family == "qwen3_vl"
    tokenizer = Qwen2TokenizerFast.from_pretrained(reference / ("qwen3_vl-tiny" if third else "qwen2_5_vl-tiny"))
    name = {"qwen2_vl": "Qwen2VL", "qwen2_5_vl": "Qwen2_5_VL", "qwen3_vl": "Qwen3VL"}[family]
    ids = {
        f"{part}_token_id": tokenizer.convert_tokens_to_ids(token)
        for part, token in dict(
            image="<|image_pad|>", video="<|video_pad|>", vision_start="<|vision_start|>", vision_end="<|vision_end|>"
        ).items()
    }
    vision = {
        "qwen2_vl": dict(depth=2, embed_dim=32, hidden_size=64, mlp_ratio=2, num_heads=2),
        "qwen2_5_vl": dict(
            depth=3, hidden_size=32, intermediate_size=72, num_heads=2, window_size=56, fullatt_block_indexes=[1],
            out_hidden_size=64,
        ),
        "qwen3_vl": dict(
            depth=4, hidden_size=24, intermediate_size=48, num_heads=2, patch_size=8, num_position_embeddings=36,
            deepstack_visual_indexes=[0, 2], out_hidden_size=40,
        ),
    }[family]
    sections = dict(mrope_interleaved=True, mrope_section=[4, 2, 2]) if third else dict(mrope_section=[2, 3, 3])
    rope = dict(rope_type="default", **sections)
    own = dict(hidden_size=40, intermediate_size=64, num_hidden_layers=3, max_position_embeddings=4096)
    sizes = {**text, **own} if third else text
    config = getattr(transformers, f"{name}Config")(
        text_config=dict(
            vocab_size=len(tokenizer) + 24, rope_theta=1e6, rope_scaling=rope, head_dim=16,
            eos_token_id=tokenizer.convert_tokens_to_ids("<|im_end|>"), bos_token_id=None, tie_word_embeddings=True, **sizes,
        ),
        vision_config=vision,
        tie_word_embeddings=True,
        **ids,
    )
    cell = 16 if third else 28
    size = {"shortest_edge": cell**2, "longest_edge": 24 * cell**2}
    patches = dict(patch_size=8, image_mean=[0.5] * 3, image_std=[0.5] * 3) if third else {}
    images = image_processor("Qwen2VL", size=size, **patches)
    videos = (transformers.Qwen3VLVideoProcessor if third else transformers.Qwen2VLVideoProcessor)()
    processor = getattr(transformers, f"{name}Processor")
    return config, processor(images, tokenizer, videos, chat_template=tokenizer.chat_template)


def image_processor(name, **settings):
    """The one that needs Pillow alone, whatever this version calls it."""
    for suffix in ("ImageProcessorPil", "ImageProcessor"):
        found = getattr(transformers, name + suffix, None)
        if found is not None:
            return found(**settings)


def save(family, folder):
    config, processor = (qwen if family.startswith("qwen") else idefics3)(family)
    torch.manual_seed(0)
    model = transformers.AutoModelForImageTextToText.from_config(config)
    if config.tie_word_embeddings:
        model.tie_weights()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


out, *families = sys.argv[1:]
for family in families or ["idefics3", "smolvlm", "qwen2_vl", "qwen2_5_vl", "qwen3_vl"]:
    save(family, Path(out, family))
    print(family, sorted(os.listdir(Path(out, family))))
