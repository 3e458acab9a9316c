import { type Attack, each, nowhere, refused, type Target } from "./python_attacks.ts";

/** On what lies outside of the folder that a trajectory has. */
export function onFiles({ file, absent }: Target): Attack[] {
  return [
    ["a file, read", `open("${file}").read()`, nowhere],
    ["a file, written", `open("${file}", "w").write("gone")`, nowhere],
    ["a file, made", `open("${absent}", "x")`, nowhere],
    [
      "a file of the same name",
      `import os; os.makedirs(os.path.dirname("${absent}")); open("${absent}", "x").write("here"); print(open("${absent}").read())`,
      /^here$/,
    ],
    [
      "places that are not the sandbox's own",
      each(
        ...[
          "/x",
          "/lib/x",
          "/home/x",
          "/dev/x",
          "../x",
          "/tmp/../x",
          "/tmp/../tmp/../../x",
          "/dev/fd/../../../x",
        ].flatMap((place) => [
          `open("${place}", "w")`,
          `os.mkdir("${place}")`,
          `os.rename("/lib", "${place}")`,
        ]),
        'open("/tmp", "w")',
        'os.rmdir("/tmp")',
        'os.rename("/tmp", "/tmp/in")',
        'os.open("x", os.O_WRONLY | os.O_CREAT, dir_fd=os.open("/lib", os.O_RDONLY))',
      ),
      /^((OSError|FileNotFoundError|NotADirectoryError|IsADirectoryError|PermissionError) .*\n?){28}$/,
    ],
    [
      "what the sandbox has, put among its own",
      each('os.rename("/lib/python314.zip", "/tmp/z")', "os.listdir()"),
      /^OSError .*\n\[\]$/,
    ],
    [
      "a path that another reader takes for one outside",
      `import os
os.mkdir("/tmp/" + 4 * chr(0xfffd))
for path in [b"/tmp/\\xc0\\xae\\xc0\\xae/x", b"/tmp\\xc0\\xaf..\\xc0\\xafx", b"/tmp/\\xff", b"/tmp/\\xed\\xa0\\x80"]:
    try: print(os.open(path, os.O_WRONLY | os.O_CREAT))
    except OSError as error: print("refused")
print(os.listdir("/"))`,
      /^(refused\n){4}\['tmp', 'home', 'dev', 'proc', 'lib'\]$/,
    ],
    [
      "names that JavaScript has",
      each(
        'open("/tmp/__proto__", "w")',
        'os.mkdir("/tmp/__proto__/")',
        'open("/tmp/constructor", "w").write("x")',
        'os.rename("/tmp/constructor", "/tmp/..")',
        'os.rename("/tmp/constructor", "/tmp/__proto__")',
        'open("/tmp/constructor").read()',
      ),
      /^(OSError .*\n){2}1\n(OSError .*\n){2}x$/,
    ],
    [
      "a descriptor that is made to write",
      `import fcntl, os
library = os.open("/lib/python314.zip", os.O_RDONLY)
for attempt in [lambda: fcntl.fcntl(library, fcntl.F_SETFL, os.O_RDWR), lambda: os.write(library, b"gone"), lambda: os.ftruncate(library, 0), lambda: os.pwrite(library, b"gone", 0), lambda: os.write(os.dup(library), b"gone")]:
    try: print(attempt())
    except OSError as error: print("refused")`,
      /^(refused\n?){5}$/,
    ],
    ["a path upwards", `open("/lib/../../../..${file}").read()`, nowhere],
    ["pathlib", `import pathlib; pathlib.Path("${file}").read_bytes()`, nowhere],
    [
      "os",
      each(
        `os.open("${file}", os.O_RDONLY)`,
        `os.stat("${file}")`,
        `os.open("${absent}", os.O_RDWR | os.O_CREAT)`,
        `os.mkdir("${absent}")`,
        `os.symlink("${file}", "/tmp/link")`,
        'os.unlink("/lib/python314.zip")',
        'os.rename("/lib", "/gone")',
        'os.truncate("/lib/python314.zip", 0)',
        'os.chmod("/lib", 0)',
        'os.chdir("/tmp")',
      ),
      /^((FileNotFoundError|OSError) .*\n?){10}$/,
    ],
    ["folders", each('os.listdir("/")', 'os.listdir("/home")'), /^\['tmp', 'home', 'dev', 'proc', 'lib'\]\n/],
    [
      "/proc",
      each(
        'open("/proc/self/environ").read()',
        'open("/proc/1/cmdline").read()',
        'open("/proc/mounts").read()',
        'os.readlink("/proc/self/exe")',
      ),
      /^(FileNotFoundError .*\n?){4}$/,
    ],
    [
      "devices",
      each('open("/dev/tty").read(1)', 'open("/dev/stdout", "w")', "input()"),
      /OSError .*\nEOFError /,
    ],
    ["descriptors", each("os.read(3, 9)", "os.read(17, 9)", "os.pipe()"), /^(OSError .*\n?){3}$/],
    ["descriptors, closed", "import os; os.closerange(0, 100); print('here')", /^here$/],
    [
      "sqlite3",
      `import sqlite3; sqlite3.connect("${absent}").execute("create table t (x)")`,
      /unable to open/,
    ],
    ["zipfile", `import zipfile; zipfile.ZipFile("${absent}", "w")`, nowhere],
    ["linecache", `import linecache; linecache.getlines("${file}")`, /^\[\]$/],
    ["shutil", `import shutil; shutil.rmtree("/lib")`, /failed/],
    ["mmap", "import mmap; mmap.mmap(0, 4096)", refused],
  ];
}

const full = /No space left on device/;

/** On how much may lie in it. */
export const onScratch: readonly Attack[] = [
  ["a file without end", "f = open('x', 'wb')\nwhile True: f.write(bytes(2**20))", full],
  ["a file from afar", "f = open('x', 'wb', 0); f.seek(2**40); f.write(b'x')", full],
  ["a place in a file", "import os; os.pwrite(os.open('x', os.O_RDWR | os.O_CREAT), b'x', 2**40)", full],
  ["a file made long", "import os; open('x', 'w').close(); os.truncate('x', 2**40)", full],
  ["an open file made long", "open('x', 'wb').truncate(2**40)", full],
  [
    "files that have no name any more",
    `import os
files = []
while True:
    files.append(open("x", "wb", 0)); files[-1].write(bytes(2**20)); os.unlink("x")`,
    full,
  ],
  ["files without end", "n = 0\nwhile True: n += 1; open(str(n), 'w').close()", full],
  [
    "folders without end",
    "import os\npath = '/tmp'\ntry:\n    while True: path += '/a'; os.mkdir(path)\nexcept OSError as error: print(error.strerror)",
    /^File ?name too long$/,
  ],
  [
    "a name without end",
    "try: open('x' * 10**6, 'w')\nexcept OSError as error: print(error.strerror)",
    /^File ?name too long$/,
  ],
];
