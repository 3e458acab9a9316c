"""Lists the settings that verl and EasyR1 know, with the types of their defaults: hand_off/trainer_keys.json.

    pip download --no-deps verl==0.9.1 && python3 -m zipfile -e verl-0.9.1-*.whl verl
    git clone https://github.com/hiyouga/EasyR1
    python3 make_trainer_keys.py verl EasyR1

verl's come from the file that flattens its configuration, EasyR1's from its dataclasses; those that it fills in itself are left
out. Nothing of either is imported.
"""
import ast
import json
import subprocess
import sys
from pathlib import Path

import yaml

verl_folder, easyr1_folder = map(Path, sys.argv[1:3])
UNUSED = {"critic", "distillation", "global_profiler", "transfer_queue", "profiler", "prometheus", "qat", "turbo_config", "mtp"}


def kind(value):
    if isinstance(value, str) and value.startswith("${"):
        return "any"
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "list", type(None): "any"}
    return "dict" if value == {} else names[type(value)]


def flatten(values, prefix=""):
    for name, value in values.items():
        if name in UNUSED or name == "_target_":
            continue
        if isinstance(value, dict) and value:
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", kind(value)


def verl_keys():
    config = verl_folder / "verl/trainer/config/_generated_ppo_trainer.yaml"
    return dict(flatten(yaml.safe_load(config.read_text())))


ANNOTATIONS = {"str": "string", "int": "number", "float": "number", "bool": "boolean", "dict": "dict"}


def easyr1_classes():
    """Fields of every dataclass of the configuration, by class: name and annotation."""
    for path in [easyr1_folder / "verl/trainer/config.py", *easyr1_folder.glob("verl/workers/**/config.py")]:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
                yield node.name, [
                    (each.target.id, ast.unparse(each.annotation)) for each in fields if "init=False" not in ast.unparse(each)
                ]


def easyr1_keys():
    classes = dict(easyr1_classes())

    def keys(name, prefix):
        for field, annotation in classes[name]:
            optional = annotation.startswith("Optional[")
            plain = annotation.removeprefix("Optional[").removesuffix("]") if optional else annotation
            if plain in classes:
                yield from keys(plain, f"{prefix}{field}.")
            else:
                of_many = "list" if plain.lower().startswith(("tuple", "list")) else ANNOTATIONS[plain.split("[")[0]]
                yield f"{prefix}{field}", f"{of_many} or null" if optional else of_many

    return dict(keys("PPOConfig", ""))


def commit():
    return subprocess.run(["git", "-C", easyr1_folder, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()


def version():
    return next(verl_folder.glob("verl-*.dist-info")).name.split("-")[1].removesuffix(".dist")


found = {
    "easyr1": {"release": commit(), "keys": easyr1_keys()},
    "verl": {"release": version(), "keys": verl_keys()},
}
target = Path(__file__).parent / "hand_off/trainer_keys.json"
target.parent.mkdir(exist_ok=True)
target.write_text(json.dumps(found, indent=1) + "\n")
