#!/usr/bin/env python3
"""Conversations with tools, in token ids, by chat templates that have a form for them.

    make_tool_conversations.py DIR

Needs transformers, Pillow and numpy, but no torch. Writes DIR/tools: `tokenizer.json` and `tokenizer_config.json`, those of
DIR/qwen3_vl-tiny with the four tags of calls and answers as tokens that are not special, as published ones have them; two
templates, written for these fixtures, of the behaviour of Qwen3-VL's (`qwen3_vl.jinja`) and of Qwen2.5's (`qwen2_5.jinja`, with
images beside); and `cases.json`: under which template which messages and tools become which ids, and where each of the
assistant's turns lies.
"""
import json
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from PIL import Image
from tokenizers import AddedToken, Tokenizer
from transformers import PreTrainedTokenizerFast, Qwen3VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

TAGS = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]

# What both have in common: the parts of a message, and how an answer of a tool stands in a turn of the user's.
WRITE = (
    "{%- macro write(content) -%}"
    "{%- if content is string -%}{{- content -}}"
    "{%- else -%}{%- for part in content -%}"
    "{%- if part.type == 'image' -%}{{- '<|vision_start|><|image_pad|><|vision_end|>' -}}"
    "{%- elif 'text' in part -%}{{- part.text -}}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}"
    "{%- endmacro -%}"
)
LIST = (
    "{{- '# Functions\\n\\nThese may be called:\\n<tools>' -}}"
    "{%- for tool in tools -%}{{- '\\n' ~ (tool | tojson) -}}{%- endfor -%}"
    "{{- '\\n</tools>\\n\\nOne is called by its name and arguments:\\n<tool_call>\\n"
    "{\"name\": <name>, \"arguments\": <object>}\\n</tool_call><|im_end|>\\n' -}}"
)
TURNS = (
    "{%- for message in messages -%}"
    "{%- if message.role == 'tool' -%}"
    "{%- if loop.first or messages[loop.index0 - 1].role != 'tool' -%}{{- '<|im_start|>user' -}}{%- endif -%}"
    "{{- '\\n<tool_response>\\n' ~ write(message.content) ~ '\\n</tool_response>' -}}"
    "{%- if loop.last or messages[loop.index0 + 1].role != 'tool' -%}{{- '<|im_end|>\\n' -}}{%- endif -%}"
    "{%- elif message.role != 'system' or not loop.first -%}"
    "{{- '<|im_start|>' ~ message.role ~ '\\n' ~ write(message.content) -}}"
    "{%- for call in message.tool_calls or [] -%}"
    "{%- set called = call.function if call.function else call -%}"
    "{{- ('\\n' if message.content or not loop.first else '') ~ '<tool_call>\\n{\"name\": \"' ~ called.name ~ '\", \"arguments\": ' -}}"
    "{{- called.arguments if called.arguments is string else called.arguments | tojson -}}"
    "{{- '}\\n</tool_call>' -}}"
    "{%- endfor -%}"
    "{{- '<|im_end|>\\n' -}}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
TEMPLATES = {
    # The system's words, if there are any, and then the tools.
    "qwen3_vl": WRITE
    + "{%- set system = write(messages[0].content) if messages[0].role == 'system' else '' -%}"
    "{%- if tools -%}{{- '<|im_start|>system\\n' ~ (system ~ '\\n\\n' if system else '') -}}" + LIST +
    "{%- elif system -%}{{- '<|im_start|>system\\n' ~ system ~ '<|im_end|>\\n' -}}{%- endif -%}" + TURNS,
    # The same, where there are always some words.
    "qwen2_5": WRITE
    + "{%- set system = write(messages[0].content) if messages[0].role == 'system' else 'You help.' -%}"
    "{{- '<|im_start|>system\\n' ~ system -}}"
    "{%- if tools -%}{{- '\\n\\n' -}}" + LIST + "{%- else -%}{{- '<|im_end|>\\n' -}}{%- endif -%}" + TURNS,
}

TEXT, IMAGE = "text", "image"
ZOOM = {"type": "function", "function": {
    "name": "zoom", "description": "shows a part of a picture, as large as that",
    "parameters": {"type": "object", "properties": {
        "box": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 1000}, "minItems": 4, "maxItems": 4},
        "image": {"type": "integer", "exclusiveMinimum": 0, "maximum": 9007199254740991}},
        "required": ["box"], "additionalProperties": False}}}
ODD = {"type": "function", "function": {
    "name": "measure.area", "description": "Fl\u00e4che & L\u00e4nge <in> \"px\", 'mm' or \u5398\u7c73\n\ta second line \\ with \u2028 in it",
    "parameters": {"type": "object", "properties": {
        "scale": {"type": ["number", "null"], "default": None, "minimum": 0.001, "maximum": 1e21},
        "what": {"enum": ["color", "\U0001f600", ""], "default": "color"},
        "id": {"type": "string"}, "width": {"$ref": "#/$defs/side"}, "height": {}, "data": True},
        "$defs": {"side": {"type": "number", "examples": [0.5, -2, 3.25, True, None, [], {}]}}}}}
NONE = {"type": "function", "function": {"name": "now", "description": "", "parameters": {"type": "object", "properties": {}}}}

CALL = "I look nearer.\n<tool_call>\n{\"name\": \"zoom\", \"arguments\": {\"box\": [0, 0, 500, 500]}}\n</tool_call>"
CASES = [
    dict(tools=[ZOOM], images=[0], messages=[("user", [IMAGE, "How many?"])]),
    dict(tools=[ZOOM, ODD, NONE], images=[0], messages=[("system", ["Be short."]), ("user", [IMAGE, "How many?"])]),
    dict(tools=[NONE], images=[0, 1], messages=[
        ("user", [IMAGE, "How many?"]), ("assistant", [CALL]), ("tool", [IMAGE])]),
    dict(tools=[ODD, ZOOM], images=[2, 0, 1], messages=[
        ("system", ["Be short."]), ("user", [IMAGE, "Which is darker, this or ", IMAGE, "?"]), ("assistant", [CALL]),
        ("tool", ["nearer:", IMAGE, "with <tool_response> in it"]), ("assistant", ["Not yet."]), ("user", ["And now?"]),
        ("assistant", [CALL]), ("tool", ["error: failed: nothing there"]), ("assistant", ["The first."])]),
    # Without tools such a template is as any other.
    dict(tools=[], images=[0], messages=[("system", ["Be short."]), ("user", [IMAGE, "How many?"]), ("assistant", ["2"]),
                                         ("tool", ["no"])]),
]


def messages_of(case):
    part = lambda p: {"type": "image"} if p is IMAGE else {"type": "text", "text": p}
    return [{"role": role, "content": [part(p) for p in parts]} for role, parts in case["messages"]]


class ImageOnly(Qwen3VLProcessor):
    """The video processor needs torchvision; images do not use it."""

    def check_argument_for_proper_class(self, name, arg):
        return type(arg) if name == "video_processor" else super().check_argument_for_proper_class(name, arg)


def write_tokenizer(source, out):
    tokenizer = Tokenizer.from_file(os.path.join(source, "tokenizer.json"))
    tokenizer.add_tokens([AddedToken(tag, normalized=False, special=False) for tag in TAGS])
    tokenizer.save(os.path.join(out, "tokenizer.json"))
    config = read_json(os.path.join(source, "tokenizer_config.json"))
    for token in json.loads(tokenizer.to_str())["added_tokens"]:
        config["added_tokens_decoder"][str(token.pop("id"))] = token
    del config["chat_template"]
    write_json(os.path.join(out, "tokenizer_config.json"), config)


def spans_of(encode, case, messages, ids, end):
    """Where the assistant's turns lie among the ids: from what a generation prompt ends with to the end token."""
    spans = []
    for k, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = encode(case, messages[:k], True)
        assert ids[: len(before)] == before, "the turns before an answer do not begin the whole"
        spans.append([len(before), ids.index(end, len(before)) + 1])
    return spans


def main(root):
    source, out = os.path.join(root, "qwen3_vl-tiny"), os.path.join(root, "tools")
    os.makedirs(out, exist_ok=True)
    write_tokenizer(source, out)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(out)
    config = read_json(os.path.join(source, "preprocessor_config.json"))
    config = {k: v for k, v in config.items() if k not in ("image_processor_type", "processor_class")}
    files = ["case0.image0.png", "case1.image0.png", "case2.image0.png"]
    cases = []
    for name, template in TEMPLATES.items():
        with open(os.path.join(out, f"{name}.jinja"), "w", encoding="utf-8") as file:
            file.write(template)
        processor = ImageOnly(image_processor=Qwen2VLImageProcessorPil(**config), tokenizer=tokenizer,
                              video_processor=None, chat_template=template)

        def encode(case, messages, asks):
            shown = sum(part["type"] == "image" for message in messages for part in message["content"])
            images = [Image.open(os.path.join(source, files[k])).convert("RGB") for k in case["images"][:shown]]
            text = processor.apply_chat_template(messages, tools=case["tools"] or None, add_generation_prompt=asks)
            return [int(i) for i in processor(text=[text], images=images or None, return_tensors="np")["input_ids"][0]]

        for case in CASES:
            messages = messages_of(case)
            asks = messages[-1]["role"] != "assistant"
            ids = encode(case, messages, asks)
            own = spans_of(encode, case, messages, ids, tokenizer.convert_tokens_to_ids("<|im_end|>"))
            cases.append(dict(template=name, messages=messages, tools=case["tools"],
                              images=[files[k] for k in case["images"]], ids=ids, own=own))
    with open(os.path.join(out, "cases.json"), "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]\n")


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
