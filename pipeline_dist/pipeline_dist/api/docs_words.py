"""The words of the pages of the API, those of the script among them."""

from functools import cache

from app.global_func import translate

_WORDS = {
    "answers": "Answers",
    "body": "Body (JSON)",
    "call": "Call",
    "calls": "Calls",
    "cancel": "Cancel",
    "code": "Code",
    "codes": "Codes of refusals",
    "contents": "Contents",
    "copied": "Copied",
    "copy": "Copy",
    "deprecated": "On its way out",
    "ends": "Ends on {date}",
    "examples": "Examples of answers",
    "field": "Field",
    "fields": "Codes of single fields, under `errors`",
    "guide": "Guide",
    "guides": "Guides",
    "header": "header",
    "key": "Your API key",
    "key_about": "Stays in this page until it is closed, and nowhere else.",
    "list": "A list of:",
    "menu": "Menu",
    "more": "Members",
    "next": "What can follow",
    "nothing_found": "Nothing was found.",
    "no_key": "Give your key first:",
    "old": "no longer for new programs",
    "or": "or",
    "parameters": "Parameters",
    "refusals": "Refusals",
    "remedy": "What to do",
    "required": "required",
    "samples": "Samples",
    "samples_about": (
        "The samples take the address and the key from the environment. What they name, such as the"
        " line `script-to-video` and the numbers of calls, are examples: put yours there; `GET"
        " /pipelines` tells which lines are yours. Python needs httpx (`pip install httpx`), PHP"
        " its extension curl, JavaScript Node 20 (a file `….mjs`)."
    ),
    "save": "Save the file",
    "search": "Search",
    "send": "Send",
    "sent": "Sent in {milliseconds} ms",
    "skip": "To the contents",
    "status": "Status",
    "top": "To the top",
    "try": "Try it",
    "unanswered": "No answer came: {reason}",
    "when": "When",
    "writes": "This is no trial: it changes your account, and may cost. Send it?",
}  # fmt: skip


@cache
def words_of(lang: str) -> dict[str, str]:
    """Return all of them in *lang*; the names in braces are filled in later."""
    return {name: translate(word, lang) for name, word in _WORDS.items()}
