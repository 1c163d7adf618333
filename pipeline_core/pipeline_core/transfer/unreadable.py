"""A text that is no file of a pipeline, and where in it that is seen."""

from app.global_func import Message

MAX_DEPTH = 64


class Unreadable(ValueError):
    """A text is not what is read here: `text` says why, `line` and `column` (from 1) where."""

    def __init__(self, text: Message | str, line: int, column: int) -> None:
        self.text = text
        self.line = line
        self.column = column
        super().__init__(str(text))
