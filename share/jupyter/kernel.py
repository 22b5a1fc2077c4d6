"""What a kernel begins with: the job's variables; $f1 in Python cells, as jobs have it; the magics %%bash and %%octave."""
import json as _json
import os as _os
import re as _re
import shutil as _shutil
import subprocess as _subprocess
import sys as _sys

with open("variables.json", encoding="utf-8") as _file:
    _given = _json.load(_file)
_shell = get_ipython()  # noqa: F821
_shell.user_ns.update(_given["values"])
_FILES = [one for value in _given["files"] for one in (value if isinstance(value, list) else [value])]
_TOKEN = _re.compile(r"""(?P<comment>\#[^\n]*)|(?P<string>(?<!\w)(?P<prefix>[rRuUbBfF]{0,2})(?P<quote>\"{3}|'{3}|"|')
    (?P<body>(?:\\.|(?!(?P=quote)).)*)(?P=quote))|\w+|\$(?P<name>\w+)""", _re.S | _re.X)


def _value(name):
    """(is it a variable, what it is now): a cell may have changed it."""
    if name.isdigit():
        return (0 < int(name) <= len(_FILES), _FILES[int(name) - 1] if 0 < int(name) <= len(_FILES) else None)
    known = name in _given["values"]
    return known, _shell.user_ns.get(name, _given["values"].get(name)) if known else None


def _string(match):
    body, prefix, quote = match["body"], match["prefix"], match["quote"]
    pieces, at = [], 0
    for found in _re.finditer(r"\\.|\$(\w+)", body, _re.S):
        known, value = _value(found[1]) if found[1] else (False, None)
        if not known:
            continue
        if found[0] == body:
            return repr(value)  # the quotes around it were the user's habit
        if found.start() > at:
            pieces.append(prefix + quote + body[at:found.start()] + quote)
        words = " ".join(str(one) for one in value) if isinstance(value, list) else str(value)
        pieces.append(repr(words.encode() if "b" in prefix.lower() else words))
        at = found.end()
    if not pieces:
        return match[0]
    return " ".join(pieces + ([prefix + quote + body[at:] + quote] if at < len(body) else []))


def _replace(match):
    if match["string"] is not None:
        return _string(match)
    if match["name"] is not None:
        known, value = _value(match["name"])
        return repr(value) if known else match[0]
    return match[0]


def _dollars(lines):
    """Runs before anything else looks at the cell. Cells of other languages are theirs."""
    whole = "".join(lines)
    return lines if whole.lstrip().startswith("%%") else _TOKEN.sub(_replace, whole).splitlines(keepends=True)


def _bash(line, cell):
    """IPython's own %%bash, which says the exit status without Python's way there."""
    try:
        _shell.run_cell_magic("script", "bash " + line, cell)
    except _subprocess.CalledProcessError as error:
        print(f"exit {error.returncode}", file=_sys.stderr)


def _octave(_line, cell):
    """%%octave: the cell in MATLAB or GNU Octave, after vars.m."""
    with open("cell.m", "w", encoding="utf-8") as file:
        file.write(cell + "\n")
    run = "source('vars.m'); source('cell.m');" if not _shutil.which("matlab") else "run('vars.m'); run('cell.m');"
    program = _shutil.which("matlab")
    octave = _shutil.which("octave-cli") or _shutil.which("octave")
    if not program and not octave:
        print("neither matlab nor octave-cli is on the PATH", file=_sys.stderr)
        return
    words = [program, "-batch", run] if program else [octave, "--no-gui", "--no-init-file", "--eval", run]
    done = _subprocess.run(words, capture_output=True, text=True, errors="replace", check=False, cwd=_os.getcwd())
    print(done.stdout, end="")
    print(done.stderr, end="", file=_sys.stderr)
    if done.returncode:
        print(f"exit {done.returncode}", file=_sys.stderr)


_shell.input_transformers_cleanup.insert(0, _dollars)
_shell.register_magic_function(_bash, "cell", "bash")
_shell.register_magic_function(_octave, "cell", "octave")
