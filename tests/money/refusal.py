"""What the model says no to."""


class Refusal(Exception):  # noqa: N818  no error of ours: an answer
    """The code with which the product is to refuse a step."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
