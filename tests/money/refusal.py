"""What the model says no to."""


class Refusal(Exception):
    """The code with which the product is to refuse a step."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
