"""
A program that runs other programs in Python, each as if it were started by itself, in one process:
to load what they all import takes longer than they do. Its arguments are the programs' folders;
it prints what became of them as JSON.
"""

import contextlib
import io
import json
import os
import runpy
import sys
import traceback


def run(folder: str) -> dict[str, object]:
    """Run the program in *folder* there; return what it wrote and its code."""
    os.chdir(folder)
    output, errors, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            runpy.run_path("main.py", run_name="__main__")
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
            print(end.code or "", file=sys.stderr)
        except Exception:  # noqa: BLE001  a program may end with any
            traceback.print_exc()
            code = 1
    return {"stdout": output.getvalue(), "stderr": errors.getvalue(), "returncode": code}


if __name__ == "__main__":
    print(json.dumps([run(folder) for folder in sys.argv[1:]]))
