/** The module _sandbox, which forgets JavaScript once, and runs calls. */
const source = `
import ast, sys, traceback
# What calls import most is there already, so that no session has to hold it.
import collections, datetime, decimal, fractions, functools, hashlib, itertools, json, math, re, string

stdout = sys.stdout

def run(code):
    names = sys.modules["__main__"].__dict__
    try:
        tree = ast.parse(code, "<call>")
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "<call>", "exec"), names)
        if last is not None:
            exec(compile(ast.Interactive([last]), "<call>", "single"), names)
    except SystemExit as end:
        if end.code:
            raise RuntimeError(f"exit: {end.code}") from None
    print(end="", flush=True)
    stdout.flush()

def report(kind, error, trace):
    line = None
    while trace:
        if trace.tb_frame.f_code.co_filename == "<call>":
            line = trace.tb_lineno
        trace = trace.tb_next
    text = "".join(traceback.format_exception_only(kind, error)).strip()
    sys.stderr.write(text if line is None else f"{text} (line {line})")
    sys.stderr.flush()

def begin():
    own = ["js", "pyodide", "pyodide_js", "pyodide_core", "_pyodide", "_pyodide_core"]
    # Those that drew before there was a seed, or that Pyodide changed, are to be imported anew.
    changed = ["asyncio", "random", "tempfile", "webbrowser"]
    for name in list(sys.modules):
        if name.partition(".")[0] in own + changed:
            del sys.modules[name]
    sys.meta_path[:] = [finder for finder in sys.meta_path if isinstance(finder, type)]
    sys.excepthook = report
    names = sys.modules["__main__"].__dict__
    for name in [name for name in names if not name.startswith("__")]:
        del names[name]

begin()
`;

/** What Python runs once, before any call. */
export const program: string = `
import sys, types
sys.modules["_sandbox"] = types.ModuleType("_sandbox")
exec(${literal(source)}, sys.modules["_sandbox"].__dict__)
`;

/** What Python runs for a call. */
export function statement(code: string): string {
  return `__import__("_sandbox").run(${literal(code)})`;
}

/** A text as Python writes it, in ASCII. */
function literal(text: string): string {
  return JSON.stringify(text).replace(
    /[^\0-\x7f]/gu,
    (character) => `\\U${(character.codePointAt(0) as number).toString(16).padStart(8, "0")}`,
  );
}
