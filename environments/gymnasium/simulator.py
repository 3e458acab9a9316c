"""Plays an environment of Gymnasium for visplay, which starts it and speaks to it in lines of JSON.

Each line from stdin is a request and gets one line on stdout:

    {"id": 1, "method": "open", "env": "highway-v0", "kwargs": {}, "levels": null}
    {"id": 1, "given": {"actions": ["LANE_LEFT", …]}}
    {"id": 2, "method": "play", "seed": 7, "actions": [0, 3]}
    {"id": 2, "given": {"picture": "…", "reward": 0.8, "terminated": false, "truncated": false}}

`play` says what comes after a row of actions from a seed; `reward` is what the last of them earned. Simulators whose row
it goes on from are kept; any other row is played again from its seed. What goes wrong is
{"id": 2, "fault": {"kind": "threw", "reason": "…"}}. The picture is a PNG in base64.
"""

import base64
import itertools
import json
import os
import struct
import sys
import zlib

# Simulators that are kept at once.
KEPT = 64
# Combinations of parts of an action, at most.
MOST_ACTIONS = 64


class Refused(Exception):
    """An environment that cannot be played here at all, and why."""


def png(pixels):
    """A PNG file of pixels, [height, width, 3], 8 bits."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + pixels[y].tobytes() for y in range(height))

    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def known_names(env, count):
    """What the environment itself calls its actions; numbers where it does not say."""
    inner = env.unwrapped
    kinds = getattr(getattr(inner, "action_type", None), "actions", None)  # highway-env
    if isinstance(kinds, dict) and len(kinds) == count:
        return [str(kinds[i]) for i in range(count)]
    kinds = getattr(inner, "actions", None)  # MiniGrid
    if kinds is not None and hasattr(kinds, "__members__"):
        names = {int(value): name for name, value in kinds.__members__.items()}
        if all(i in names for i in range(count)):
            return [names[i] for i in range(count)]
    meanings = getattr(inner, "get_action_meanings", None)  # Atari
    if meanings is not None and len(meanings()) == count:
        return list(meanings())
    return [str(i) for i in range(count)]


def action_table(env, levels):
    """Names of the actions, and the actions."""
    import numpy
    from gymnasium import spaces

    space = env.action_space
    if isinstance(space, spaces.Discrete):
        count = int(space.n)
        return known_names(env, count), [int(space.start) + i for i in range(count)]
    if isinstance(space, spaces.MultiDiscrete) and space.nvec.ndim == 1:
        choices = [range(int(n)) for n in space.nvec]
    elif isinstance(space, spaces.Box):
        if levels is None:
            raise Refused(f"its actions are numbers, {space}, expected names; say in how many steps each is chosen (levels)")
        if not (numpy.isfinite(space.low).all() and numpy.isfinite(space.high).all()):
            raise Refused(f"its actions have no bounds, {space}, expected some that levels can divide")
        pairs = zip(space.low.ravel(), space.high.ravel())
        choices = [[float(value) for value in numpy.linspace(low, high, levels)] for low, high in pairs]
    else:
        raise Refused(f"its actions are {space}, expected Discrete, MultiDiscrete or Box")
    count = 1
    for each in choices:
        count *= len(each)
    if count > MOST_ACTIONS:
        raise Refused(f"it has {count} actions, expected at most {MOST_ACTIONS} (levels)")
    combined = list(itertools.product(*choices))
    names = [" ".join(f"{value:g}" for value in each) for each in combined]
    return names, [numpy.asarray(each, dtype=space.dtype).reshape(space.shape) for each in combined]


class Simulators:
    def __init__(self, env, kwargs, levels):
        try:
            import gymnasium
        except ImportError as error:
            raise Refused(f"{error}; install it: {sys.executable} -m pip install gymnasium") from error
        self.make = lambda: gymnasium.make(env, render_mode="rgb_array", **kwargs)
        # By (seed, actions): a simulator that stands there, and what came of the last action. The oldest first.
        self.live = {}
        first = self.open_first(gymnasium, env)
        self.names, self.actions = action_table(first, levels)
        self.idle = [first]

    def open_first(self, gymnasium, env):
        try:
            first = self.make()
        except ModuleNotFoundError as error:
            package = (error.name or env.split(":")[0]).replace("_", "-")
            raise Refused(f"{error}; install it: {sys.executable} -m pip install {package}") from error
        except gymnasium.error.Error as error:
            advice = "where a package brings it, install that, and name its module: MODULE:ID"
            raise Refused(f"{type(error).__name__}: {error}; {advice}") from error
        modes = first.metadata.get("render_modes") or []
        if "rgb_array" not in modes:
            raise Refused(f"{env} gives no picture: its render modes are {modes}, expected rgb_array among them")
        return first

    def play(self, seed, actions):
        row = (seed, tuple(actions))
        if row in self.live:
            found = self.live.pop(row)
        elif actions and (seed, row[1][:-1]) in self.live:
            env, _ = self.live.pop((seed, row[1][:-1]))
            found = (env, self.step(env, actions[-1]))
        else:
            found = self.replay(seed, actions)
        env, result = found
        self.live[row] = found
        return {"picture": self.picture(env), **result}

    def replay(self, seed, actions):
        if self.idle:
            env = self.idle.pop()
        elif len(self.live) >= KEPT:
            env, _ = self.live.pop(next(iter(self.live)))
        else:
            env = self.make()
        env.reset(seed=seed)
        result = {"reward": 0.0, "terminated": False, "truncated": False}
        for action in actions:
            result = self.step(env, action)
        return env, result

    def step(self, env, action):
        _, reward, terminated, truncated, _ = env.step(self.actions[action])
        return {"reward": float(reward), "terminated": bool(terminated), "truncated": bool(truncated)}

    def picture(self, env):
        import numpy

        pixels = env.render()
        if not isinstance(pixels, numpy.ndarray) or pixels.ndim != 3 or pixels.shape[2] != 3:
            found = getattr(pixels, "shape", type(pixels).__name__)
            raise ValueError(f"render gave no picture but {found}, expected pixels of [height, width, 3]")
        return base64.b64encode(png(numpy.ascontiguousarray(pixels, dtype=numpy.uint8))).decode()


def main():
    # What a simulator prints is not to be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    simulators = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["method"] == "open":
                simulators = Simulators(request["env"], request["kwargs"], request["levels"])
                given = {"actions": simulators.names}
            else:
                given = simulators.play(request["seed"], request["actions"])
            answer = {"given": given}
        except Refused as error:
            answer = {"fault": {"kind": "refused", "reason": str(error)}}
        except Exception as error:  # what a simulator throws concerns one task only
            answer = {"fault": {"kind": "threw", "reason": f"{type(error).__name__}: {error}"}}
        answers.write(json.dumps({"id": request["id"], **answer}) + "\n")
        answers.flush()


main()
