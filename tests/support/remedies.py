"""The remedies of tests/attack/remedies.toml, and the findings that they close."""

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ATTACK = ROOT / "tests/attack"
SEEN = ATTACK / "seen.json"
DOCUMENT = ROOT / "docs/security-findings.md"


@dataclass(frozen=True)
class Change:
    """A text in a file, and what stands there when the remedy is taken away."""

    file: str
    old: str
    new: str

    def applied(self, text: str) -> str:
        """*text* with the change made; raises ValueError unless its place is there exactly once."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file} has it {text.count(self.old)} times: {self.old[:200]}")
        return text.replace(self.old, self.new)


@dataclass(frozen=True)
class Remedy:
    """What is done about some findings, how it is attacked, and how it is taken away."""

    id: str
    what: str
    closes: tuple[str, ...]
    tests: tuple[str, ...]
    changes: tuple[Change, ...]
    cannot: str = ""
    fresh: bool = False  # needs databases and secrets that were made with it taken away

    @property
    def places(self) -> list[str]:
        """The files it is in."""
        return list(dict.fromkeys(change.file for change in self.changes))


def findings() -> dict[str, dict[str, str]]:
    """What is wrong below, by severity and id."""
    return tomllib.loads((ATTACK / "findings.toml").read_text("utf-8"))


def remedies() -> list[Remedy]:
    """All remedies, in the order of the file."""
    document = tomllib.loads((ATTACK / "remedies.toml").read_text("utf-8"))
    return [
        Remedy(
            id=entry["id"],
            what=entry["what"],
            closes=tuple(entry["closes"]),
            tests=tuple(entry["tests"]),
            changes=tuple(
                Change(change["file"], change["old"].strip("\n"), change["new"].strip("\n"))
                for change in entry.get("change", ())
            ),
            cannot=entry.get("cannot", ""),
            fresh=entry.get("fresh", False),
        )
        for entry in document["remedy"]
    ]


def changed_texts(remedy: Remedy, root: Path = ROOT) -> dict[Path, str]:
    """The files under *root* as they are with *remedy* taken away; raises ValueError."""
    texts: dict[Path, str] = {}
    for change in remedy.changes:
        path = root / change.file
        texts[path] = change.applied(texts.get(path) or path.read_text("utf-8"))
    return texts


def observations() -> dict[str, str]:
    """What was seen when each remedy was taken away for the last time, by its id."""
    texts: dict[str, str] = json.loads(SEEN.read_text("utf-8")) if SEEN.exists() else {}
    return texts


def write_observations(texts: Mapping[str, str]) -> None:
    """Keep what was seen."""
    text = json.dumps(dict(sorted(texts.items())), indent=2, ensure_ascii=False)
    SEEN.write_text(text + "\n", "utf-8")


def document() -> str:
    """The table of findings and remedies, for docs/security-findings.md."""
    return "\n".join([_HEAD, *_finding_tables(), _MIDDLE, *_remedy_table(), ""])


_HEAD = """\
# Findings, remedies, attacks

What the design papers on the host and its audit of the packages below (ahserver 1.2.0, sqlor
2.1.2, appPublic 5.3.2, xls2ddl 1.1.3) say is wrong, what closes it here, and how that is held.

This file is made, by `py3/bin/python tests/attack/switched_off.py --document`, out of
`tests/attack/findings.toml`, `remedies.toml` and `seen.json`; a test holds it to them. What is
promised, and what is not covered, stands in [security.md](security.md).
"""
_MIDDLE = """
## Remedies, and what was seen without them

Each remedy was taken away, alone, in a copy of the checkout, and the tests named ran there: they
failed, as the last column says. `tests/attack/switched_off.py` does this again for all of them, or
for those named; a unit test holds that each change still fits today's sources.

| remedy | what it does | where | attacked by | seen when it was taken away |
| --- | --- | --- | --- | --- |"""
_TITLES = {
    "kernel": "Items of the paper on the host",
    "critical": "Critical findings of the audit",
    "high": "High findings of the audit",
    "trap": "Traps on the way",
    "later": "Later, of what was built here",
}


def _finding_tables() -> Iterable[str]:
    closing: dict[str, list[str]] = {}
    for remedy in remedies():
        for finding in remedy.closes:
            closing.setdefault(finding, []).append(f"`{remedy.id}`")
    for severity, group in findings().items():
        yield f"\n## {_TITLES[severity]}\n\n| | what is wrong below | closed by |"
        yield "| --- | --- | --- |"
        for finding, sentence in group.items():
            yield f"| {finding} | {_cell(sentence)} | {', '.join(closing.get(finding, []))} |"


def _remedy_table() -> Iterable[str]:
    texts = observations()
    for remedy in remedies():
        places = ", ".join(f"`{place}`" for place in remedy.places) or "(configuration)"
        tests = ", ".join(f"`{test.rpartition('/')[2]}`" for test in remedy.tests)
        result = remedy.cannot or texts.get(remedy.id, "(not yet tried)")
        yield f"| `{remedy.id}` | {_cell(remedy.what)} | {places} | {tests} | {_cell(result)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
