"""Running the samples of the API's page: programs in five languages, as they stand there."""

import json
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
# What runs all of them in one process, where to start it takes longer than what they do.
RUNNERS = {
    "Python": Path(__file__).with_name("sample_runner.py"),
    "JavaScript": Path(__file__).with_name("sample_runner.mjs"),
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
    """Run each sample's text in *folder*."""
    files = []
    for number, (_, text) in enumerate(samples):
        place = folder / f"{language.suffix}{number}"
        place.mkdir(parents=True)
        file = place / f"main.{language.suffix}"
        file.write_text(text, "utf-8")
        files.append(file)
    own = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")}
    own |= {"NO_PROXY": "*", "no_proxy": "*", **env}
    if language.name in RUNNERS:
        folders = [str(file.parent) for file in files]
        command = [program, str(RUNNERS[language.name]), *folders]
        process = subprocess.run(command, env=own, stdout=subprocess.PIPE, check=True, timeout=300)
        ends = json.loads(process.stdout)
        return [
            Outcome(request, text, subprocess.CompletedProcess(args=command, **end))
            for (request, text), end in zip(samples, ends, strict=True)
        ]
    commands = [[program, str(file)] for file in files]
    if language.name == "Go":
        commands = _build_go(program, files, folder, own)
    return [
        Outcome(request, text, subprocess.run(
            command, cwd=file.parent, env=own, capture_output=True, text=True, check=False,
            timeout=60,
        ))
        for (request, text), file, command in zip(samples, files, commands, strict=True)
    ]  # fmt: skip


def _build_go(
    program: str, files: Sequence[Path], folder: Path, env: dict[str, str]
) -> list[list[str]]:
    """
    Return a command for each of the programs in *files*.

    Linking one takes longer than all the rest; so they are made one program, which runs the one of
    the number that it is given.
    """
    place = folder / "go"
    place.mkdir()
    for number, file in enumerate(files):
        text = file.read_text("utf-8").replace("func main() {", f"func main{number}() {{", 1)
        (place / f"sample{number}.go").write_text(text, "utf-8")
    runs = ", ".join(f"main{number}" for number in range(len(files)))
    (place / "main.go").write_text(
        'package main\n\nimport (\n\t"os"\n\t"strconv"\n)\n\nfunc main() {\n'
        "\tnumber, _ := strconv.Atoi(os.Args[1])\n"
        f"\t[]func(){{{runs}}}[number]()\n}}\n",
        "utf-8",
    )
    # The machine's own cache: its library is compiled once and not in each run.
    own = {**env, "GO111MODULE": "off"}
    subprocess.run(
        [program, "build", "-ldflags=-s -w", "-o", "samples"], cwd=place, env=own, check=True
    )
    return [[str(place / "samples"), str(number)] for number in range(len(files))]
