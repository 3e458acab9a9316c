/** What attacks aim at, outside of the sandbox. */
export interface Target {
  /** A file whose content nobody may learn or change. */
  readonly file: string;
  /** A path where no file may come to be. */
  readonly absent: string;
  /** An environment variable whose value nobody may learn. */
  readonly variable: string;
  /** A port of this machine that nobody may reach. */
  readonly port: number;
}

/** A way to break out: its name, its program, and what the answer holds. */
export type Attack = readonly [name: string, code: string, answer: RegExp];

/** A program that says of each of its expressions what it came to, so that one refusal does not hide the next. */
export function each(...expressions: readonly string[]): string {
  const attempts = expressions.map((expression) => `    lambda: ${expression},`);
  const say = [
    "    try: print(attempt())",
    "    except Exception as error: print(type(error).__name__, error)",
  ];
  return ["import os", "for attempt in [", ...attempts, "]:", ...say].join("\n");
}

/** Finds an object of JavaScript's that Pyodide left in memory, as `proxy`, and does something with it. */
function withProxy(code: string): string {
  return `
import gc
stack, seen, proxy = gc.get_objects(), set(), None
while proxy is None:
    each = stack.pop()
    if type(each).__name__ == "JsProxy": proxy = each
    if id(each) not in seen: stack.extend(gc.get_referents(each))
    seen.add(id(each))
${code}`;
}

export const refused: RegExp = /failed: Python asked for what is not in its sandbox/;
const notThere = /No module named 'js'/;
export const nowhere: RegExp = /No such file or directory/;
const notImplemented = /Function not implemented/;

/** By the ways that Pyodide has to JavaScript. */
export const onJavaScript: readonly Attack[] = [
  ["js.process", "import js; js.process.exit(3)", notThere],
  ["js.require", "from js import require; require('fs')", notThere],
  ["js.fetch", "from js import fetch", notThere],
  ["js, by importlib", "import importlib; importlib.import_module('js')", notThere],
  ["js, by sys.modules", "import sys; sys.modules['js'].eval('process')", /KeyError: 'js'/],
  ["pyodide_js", "import pyodide_js; pyodide_js._module.FS", /No module named 'pyodide_js'/],
  ["run_js", "from pyodide.code import run_js; run_js('process.env')", notThere],
  ["open_url", "from pyodide.http import open_url; open_url('http://127.0.0.1/')", /XMLHttpRequest' is not/],
  [
    "to_js",
    "import _pyodide_core; _pyodide_core.to_js([1]); _pyodide_core.to_js({1: [object()]}, depth=3)",
    refused,
  ],
  ["create_proxy", "import _pyodide_core; _pyodide_core.create_proxy(lambda: 1)", refused],
  ["raw_call", "import _pyodide_core; _pyodide_core.raw_call(print)", /failed: Python ended/],
  ["a fatal error", "import _pyodide_core; _pyodide_core.trigger_fatal_error()", refused],
  [
    "a module of JavaScript",
    "from _pyodide._importhook import register_js_module; register_js_module('x', {})",
    /must be a JsProxy/,
  ],
  ["a package", "import micropip", /No module named 'micropip'/],
  [
    "the importers",
    "import sys; print({type(finder) for finder in sys.meta_path}, 'js' in sys.modules)",
    /^\{<class 'type'>\} False$/,
  ],
  ["the frame that called", "import sys; sys._getframe(1).f_globals['sys'].modules['js']", /KeyError: 'js'/],
  [
    "a subclass of object",
    "next(c for c in object.__subclasses__() if c.__name__ == 'JsProxy')()",
    /cannot be instantiated/,
  ],
  ["__builtins__", "__builtins__.__loader__.load_module('js')", /not a built-in module/],
  [
    "WebAssembly",
    "from pyodide.code import run_js; run_js('new WebAssembly.Memory({initial: 1})')",
    notThere,
  ],
  [
    "Atomics.wait",
    "import js; js.Atomics.wait(js.Int32Array.new(js.SharedArrayBuffer.new(4)), 0, 0)",
    notThere,
  ],
  ["a worker", "from js import Worker; Worker.new('data:text/javascript,')", notThere],
  ...(
    [
      ["Function", "proxy.constructor.constructor('return process')()"],
      ["a prototype", "proxy.__proto__.polluted = 1"],
      ["its properties", "dir(proxy)"],
      ["a call of it", "proxy(1)"],
      ["new", "type(proxy).new(proxy)"],
      ["its text", "str(proxy)"],
      ["its truth", "bool(proxy)"],
      ["its equals", "proxy == proxy"],
      ["its type", "proxy.typeof"],
      ["its deletion", "del proxy.constructor"],
      ["its copy", "type(proxy).to_py(proxy)"],
    ] as const
  ).map(([name, code]): Attack => [`an object in memory: ${name}`, withProxy(code), refused]),
];

export function onProcesses({ file, absent, variable }: Target): Attack[] {
  return [
    ["os.system", `import os; os.system('touch ${absent}; cat ${file}; echo $${variable}')`, refused],
    ["os.popen", `import os; os.popen('cat ${file}').read()`, /does not support processes/],
    ["subprocess", `import subprocess; subprocess.run(['cat', '${file}'])`, /does not support processes/],
    ["os.fork", "import os; os.fork()", notImplemented],
    ["os.execv", `import os; os.execv('/bin/sh', ['sh', '-c', 'touch ${absent}'])`, /Exec format error/],
    ["os.spawnv", "import os; os.spawnv(os.P_WAIT, '/bin/sh', ['sh'])", notImplemented],
    [
      "multiprocessing",
      "import multiprocessing; multiprocessing.Process(target=print).start()",
      /No module named/,
    ],
    ["a pickle", "import pickle; pickle.loads(b\"cos\\nsystem\\n(S'id'\\ntR.\")", refused],
    [
      "the environment",
      each("sorted(os.environ)", `os.getenv("${variable}")`, 'sorted(__import__("posix").environ)'),
      /^\['HOME', 'LANG', 'LD_LIBRARY_PATH', 'LOGNAME', 'PATH', 'PWD', 'PYTHONHASHSEED', 'PYTHONINSPECT', 'USER', '_'\]\nNone\n/,
    ],
    [
      "the machine",
      each("os.uname().nodename", '__import__("socket").gethostname()'),
      /^emscripten\nemscripten$/,
    ],
    ["a signal", "import signal; signal.raise_signal(signal.SIGTERM)", refused],
    ["os.kill", "import os; os.kill(os.getpid(), 9)", refused],
    ["os.kill of others", "import os; os.kill(1, 9)", /PermissionError/],
    ["os._exit", "import os; os._exit(0)", refused],
    ["os.abort", "import os; os.abort()", refused],
    ["sys.exit", "import sys; sys.exit(7)", /failed: RuntimeError: exit: 7/],
    ["a thread", "import threading; threading.Thread(target=print).start()", /can't start new thread/],
    ["an interpreter", "import _interpreters", /No module named '_interpreters'/],
    ["ctypes", "import ctypes; ctypes.CDLL(None).system(b'id')", refused],
    ["_ctypes", "import _ctypes; _ctypes.PyObj_FromPtr(1024)", refused],
    [
      "a library",
      `import importlib.machinery as m; m.ExtensionFileLoader('x', '${file}').create_module(m.ModuleSpec('x', None, origin='${file}'))`,
      refused,
    ],
    [
      "bytecode",
      "def f(): pass\nf.__code__ = f.__code__.replace(co_code=bytes([100, 255] * 40))\nf()",
      /failed/,
    ],
    ["marshal", "import marshal; marshal.loads(b'\\xe3' + b'\\xff' * 400)", /bad marshal data/],
    ["faulthandler", "import faulthandler; faulthandler._sigsegv()", refused],
  ];
}

export function onTheNetwork({ port, file }: Target): Attack[] {
  return [
    ["a socket", `import socket; socket.socket().connect(('127.0.0.1', ${port}))`, notImplemented],
    ["a server", "import socket; socket.create_server(('127.0.0.1', 0))", notImplemented],
    ["a datagram", "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)", notImplemented],
    ["a connection", `import socket; socket.create_connection(('localhost', ${port}), 1)`, refused],
    ["a name", "import socket; socket.gethostbyname('localhost')", refused],
    ["urllib", `import urllib.request; urllib.request.urlopen('http://127.0.0.1:${port}/')`, refused],
    ["urllib of files", `import urllib.request; urllib.request.urlopen('file://${file}')`, nowhere],
    ["asyncio", `import asyncio; asyncio.run(asyncio.open_connection('127.0.0.1', ${port}))`, /failed/],
    ["a browser", `import webbrowser; webbrowser.open('http://127.0.0.1:${port}/')`, notThere],
    ["select", "import select; select.select([], [], [], 10**6)", refused],
  ];
}

const tooLarge = /^tooLarge: it printed more than 100000 bytes$/;
const tooDeep = /failed: (it called itself too deeply|RecursionError)/;

/** On memory and what is printed; each ends by itself, well within its time. */
export const onSpace: readonly Attack[] = [
  ["a list without end", "x = []\nwhile True: x.append(bytearray(2**20))", /failed: MemoryError/],
  ["a list that doubles", "x = [0]\nwhile True: x += x", /failed: MemoryError/],
  ["a text", "x = 'a' * 10**8; y = x * 20", /failed: MemoryError/],
  ["a generator without end", "list(iter(int, 1))", /failed: MemoryError/],
  [
    "what unpacks",
    "import zlib\nd = zlib.compress(bytes(10**8))\n[zlib.decompress(d) for _ in range(99)]",
    /failed: MemoryError/,
  ],
  [
    "a MemoryError that is caught",
    "x = []\ntry:\n    while True: x.append(bytearray(2**24))\nexcept MemoryError: print(len(x) < 16)",
    /^True$/,
  ],
  ["prints without end", "while True: print('x' * 10**6)", tooLarge],
  ["prints without a line", "while True: print(end='x')", tooLarge],
  ["a print of 100 MB", "print('x' * 10**8)", tooLarge],
  ["os.write", "import os\nwhile True: os.write(1, b'x' * 10**7)", tooLarge],
  ["the other stream", "import sys\nwhile True: sys.stderr.write('x' * 10**5)", tooLarge],
  ["prints of nothing", "import os\nfor _ in range(10**6): os.write(1, b'')\nprint('here')", /^here$/],
  ["a value", "[0] * 10**7", tooLarge],
  ["an error's message", "raise Exception('x' * 10**8)", tooLarge],
  ["recursion", "def f(): return f()\nf()", tooDeep],
  [
    "recursion without a limit",
    "import sys; sys.setrecursionlimit(10**9)\ndef f(): return f()\nf()",
    tooDeep,
  ],
  ["a deep list's text", "x = []\nfor _ in range(10**6): x = [x]\nrepr(x)", tooDeep],
  ["a deep tuple's end", "x = ()\nfor _ in range(10**6): x = (x,)\ndel x", tooDeep],
  ["deep JSON", "import json; json.loads('[' * 10**6)", tooDeep],
  ["a deep expression", "eval('-' * 10**6 + '1')", /failed: MemoryError/],
  ["a text of itself", "class A:\n    def __repr__(self): return repr(self)\nA()", tooDeep],
];

/** What never ends by itself, and is ended. */
export const onTime: readonly Attack[] = [
  [
    "a loop that catches all",
    "while True:\n    try: raise KeyboardInterrupt\n    except BaseException: pass",
    /^timedOut/,
  ],
  ["a loop in C", "any(False for _ in iter(int, 1))", /^timedOut/],
  ["a power", "10**10**8", /^timedOut/],
  ["a regular expression", "import re; re.match('(a+)+$', 'a' * 50 + 'b')", /^timedOut/],
  [
    "a lock that nobody lets go",
    "import threading; l = threading.Lock(); l.acquire(); l.acquire()",
    /^timedOut/,
  ],
  ["sleep", "import time; time.sleep(10**7)", /^timedOut/],
];

/** What a trajectory does to be found in another, and how that would find it; it must answer `nothing`. */
export const onOthers: readonly (readonly [name: string, code: string, search: string])[] = [
  ["a variable", "secret = 'hidden' + 'word'", "print(globals().get('secret', 'nothing'))"],
  [
    "an object in memory",
    "secret = ['hidden' + 'word' * n for n in range(9)]",
    "import gc\nfound = [o for o in gc.get_objects() if isinstance(o, list) and any(isinstance(e, str) and e.startswith('hidden' 'word') for e in o)]\nprint(found or 'nothing')",
  ],
  [
    "a built-in",
    "import builtins; builtins.len = lambda x: 'hiddenword'",
    "print('nothing' if len('') == 0 else len(''))",
  ],
  [
    "a module",
    "import math; math.pi = 'hiddenword'",
    "import math; print('nothing' if math.pi < 4 else math.pi)",
  ],
  [
    "sys.modules",
    "import sys; sys.modules['left'] = 'hiddenword'",
    "import sys; print(sys.modules.get('left', 'nothing'))",
  ],
  ["the runner", "import _sandbox; _sandbox.run = lambda code: print('hiddenword')", "print('nothing')"],
  [
    "the environment",
    "import os; os.environ['LEFT'] = 'hiddenword'",
    "import os; print(os.getenv('LEFT', 'nothing'))",
  ],
  [
    "a file that is open",
    "f = open('/lib/python314.zip', 'rb')",
    "import os\ntry: print(os.read(3, 9))\nexcept OSError: print('nothing')",
  ],
  [
    "a file",
    "open('/tmp/left', 'w').write('hiddenword')",
    "import os; print(os.listdir('/tmp') or os.path.exists('/tmp/left') or 'nothing')",
  ],
  [
    "a file that was removed while it was open",
    "import os; f = open('/tmp/left', 'w'); f.write('hiddenword'); os.unlink('/tmp/left')",
    "import os\ntry: print(os.read(3, 9))\nexcept OSError: print(os.listdir('/tmp') or 'nothing')",
  ],
  [
    "a number of a file",
    "for n in range(9): open(f'/tmp/{n}', 'w').close()",
    "import os\nopen('x', 'w').close(); print('nothing' if os.stat('x').st_ino < 40 else 'left')",
  ],
  ["a hook", "import sys; sys.displayhook = lambda value: print('hiddenword')", "'nothing'"],
  [
    "a limit",
    "import sys; sys.setrecursionlimit(60)",
    "import sys; print('nothing' if sys.getrecursionlimit() > 60 else 'left')",
  ],
  ["streams", "import sys, os; os.close(1); sys.stdout = None", "print('nothing')"],
  [
    "freed memory",
    "x = bytearray(b'hiddenword' * 10**6); del x",
    "print(b'hidden' + b'word' in bytes(bytearray(10**7)) or 'nothing')",
  ],
];
