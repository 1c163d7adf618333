"""
Entry point of one worker: `py3/bin/python app/pipeline_app.py [-w FOLDER] [-p PORT]`.

The parent process (app/runtime/supervisor.py) starts one per core, each with a listening socket;
started by hand it opens one of its own.
"""

import argparse
import gc
import sys
from pathlib import Path

# Run as a file, Python puts app/ itself first on the path; the package's parent belongs there.
# The modules' folders too: what is installed knows the checkout's, and this may be a copy of it.
_ROOT = Path(__file__).resolve().parent.parent
sys.path[:1] = [str(_ROOT), *map(str, sorted(_ROOT.glob("pipeline_*")))]

from app.base.late_imports import import_ecosystem  # noqa: E402  # needs the path

if __name__ == "__main__":
    # All that is loaded now stays: to look through it again and again for what could be thrown away
    # takes a seventh of the time. PipelineServer turns it on.
    gc.disable()
    import_ecosystem()

import uvloop  # noqa: E402
from ahserver.serverenv import ServerEnv  # noqa: E402

from app.base.logs import set_up_logging  # noqa: E402
from app.base.settings import settings  # noqa: E402
from app.base.settings_checks import ConfigError  # noqa: E402
from app.global_func import MODULES, offer_functions  # noqa: E402
from app.modules import load_modules  # noqa: E402
from app.runtime.run_folder import keep_private  # noqa: E402
from app.server.application import PipelineServer  # noqa: E402
from app.web.module import Background  # noqa: E402


def load_functions(env: ServerEnv) -> list[Background]:
    """Let the host and its modules offer their functions; what shall run beside the requests."""
    offer_functions(env)
    return [work for module in load_modules(env) for work in module.background]


def main() -> int:
    """Run one worker until it is told to stop."""
    parser = argparse.ArgumentParser(prog="pipeline_app", description=__doc__)
    parser.add_argument("-w", "--workdir", help="kept for ahserver's habit; the checkout is used")
    parser.add_argument("-p", "--port", type=int, help="overrides PIPELINE_PORT")
    parser.add_argument("--listener", type=int, help="descriptor of the socket to listen on")
    parser.add_argument("--parent", type=int, help="descriptor of the line to the parent process")
    arguments = parser.parse_args()
    try:
        config = settings()
    except ConfigError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    keep_private(config.var_dir)
    set_up_logging(config.options)
    uvloop.install()
    try:
        server = PipelineServer(config, MODULES, load_functions)
        server.run(arguments.port, listener=arguments.listener, parent=arguments.parent)
    except OSError as exc:
        # Of a file, such as on a full disk, or of the port.
        place = exc.filename or f"{config.host}:{arguments.port or config.port}"
        sys.stderr.write(f"cannot serve on {place}: {exc.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
