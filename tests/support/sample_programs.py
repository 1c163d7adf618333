"""Running the samples of the API's page: programs in five languages, as they stand there."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline_dist.api.samples import Language, SampleRequest

# What runs a language's programs, and is not there on every machine.
PROGRAMS = {
    "curl": "bash",
    "Python": "py3/bin/python",
    "JavaScript": "node",
    "Go": "go",
    "PHP": "php",
}


@dataclass(frozen=True)
class Outcome:
    """What became of a program, with its text."""

    request: SampleRequest
    text: str
    process: "subprocess.CompletedProcess[str]"


def program_of(language: Language, root: Path) -> str | None:
    """What runs programs in *language*; None where it is not installed."""
    name = PROGRAMS[language.name]
    if "/" in name:
        return str(root / name)
    path = shutil.which(name)
    if path is None or (language.name == "PHP" and not _has_curl(path)):
        return None
    return path


def _has_curl(php: str) -> bool:
    modules = subprocess.run([php, "-m"], capture_output=True, text=True, check=True)
    return "curl" in modules.stdout.split()


def run_samples(
    language: Language,
    program: str,
    samples: Sequence[tuple[SampleRequest, str]],
    folder: Path,
    env: dict[str, str],
) -> list[Outcome]:
    """Run each sample's text in *folder*; Go's are compiled together, since that is quicker."""
    files = []
    for number, (_, text) in enumerate(samples):
        place = folder / f"{language.suffix}{number}"
        place.mkdir(parents=True)
        file = place / f"main.{language.suffix}"
        file.write_text(text, "utf-8")
        files.append(file)
    own = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    own |= {"NO_PROXY": "*", "no_proxy": "*", **env}
    commands = [[program, str(file)] for file in files]
    if language.name == "Go":
        own |= {"GOCACHE": str(folder / "cache"), "GO111MODULE": "off", "GOFLAGS": "-p=2"}
        commands = [[str(file.with_suffix(""))] for file in files]
        for file, command in zip(files, commands, strict=True):
            subprocess.run([program, "build", "-o", command[0], str(file)], env=own, check=True)
    return [
        Outcome(request, text, subprocess.run(
            command, cwd=file.parent, env=own, capture_output=True, text=True, check=False,
            timeout=60,
        ))
        for (request, text), file, command in zip(samples, files, commands, strict=True)
    ]  # fmt: skip
