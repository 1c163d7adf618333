"""The statements of a numbered migration's SQL file: sent as they are written."""

from pathlib import Path

import pytest

from app.db.numbered import MigrationError, read_migrations

HEAD = "-- Do it.\n-- when: after\n"


class _Cursor:
    def __init__(self) -> None:
        self.statements: list[str] = []

    async def execute(self, statement: str) -> None:
        self.statements.append(statement)


async def statements_of(folder: Path, text: str) -> list[str]:
    """What is sent to the server, without the file's head."""
    file = folder / "0001_do.sql"
    file.write_bytes(text.encode())
    (migration,) = read_migrations([file])
    cursor = _Cursor()
    await migration.run(cursor)
    return [statement.removeprefix(HEAD) for statement in cursor.statements]


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("select 1;\nselect 2;\n", ["select 1", "select 2"]),
        ("select 1;", ["select 1"]),
        ("select 1", ["select 1"]),
        ("select 1;  \n\n\n;\nselect 2", ["select 1", "select 2"]),
        ("", []),
        ("-- only this;\n# and this;\n/* and;\nthis */\n", []),
        ("select 'a;\n-- b\n# c\n/*';\nselect 2;", ["select 'a;\n-- b\n# c\n/*'", "select 2"]),
        ("select 'it''s;\n', \"x;\n\", `y;\n`;\n", ["select 'it''s;\n', \"x;\n\", `y;\n`"]),
        ("select 'a\\';\n';\nselect 2;", ["select 'a\\';\n'", "select 2"]),
        ("select 1\n-- it's one;\n, 2;\nselect 3;", ["select 1\n-- it's one;\n, 2", "select 3"]),
        ("select 1 /* it's\n; */, 2;\nselect 3;", ["select 1 /* it's\n; */, 2", "select 3"]),
        ("select 4\n--5;\n", ["select 4\n--5"]),
        ("select 1; -- first\nselect 2; # second\n", ["select 1", "select 2"]),
        ("select 1;\n--\nselect 2;\n", ["select 1", "--\nselect 2"]),
        ("select 1; --\nselect 2;\n", ["select 1", "select 2"]),
        ("select '\u2028\x0c\u0085';\n", ["select '\u2028\x0c\u0085'"]),
        ("/*!100100 select 1 */;\n", ["/*!100100 select 1 */"]),
        ("select 1; select 2;\n", ["select 1; select 2"]),  # the server refuses it
    ],
)
async def test_statements_are_sent_as_they_stand(
    tmp_path: Path, text: str, statements: list[str]
) -> None:
    assert await statements_of(tmp_path, HEAD + text) == statements
    assert await statements_of(tmp_path, (HEAD + text).replace("\n", "\r\n")) == statements
    assert (await statements_of(tmp_path, "\ufeff" + HEAD + text))[-1:] == statements[-1:]


async def test_many_quotes_that_end_nowhere_take_no_time(tmp_path: Path) -> None:
    text = HEAD + "select '" + "''" * 100_000

    assert await statements_of(tmp_path, text) == [text.removeprefix(HEAD)]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("0001_x.sql", HEAD.encode() + b"select '\xe9';\n", "save it as UTF-8"),
        ("0001_x.py", b"def migrate(:\n", "SyntaxError"),
        ("0001_x.py", b"import no_such_module\n", "No module named"),
        ("0001_x.py", b"raise SystemExit(0)\n", "SystemExit"),
        ("0001_x.py", b'"""\xe9"""\n', "SyntaxError"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)

    with pytest.raises(MigrationError, match=f"{name}: .*{reason}"):
        read_migrations([file])
