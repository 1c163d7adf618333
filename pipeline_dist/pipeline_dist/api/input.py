"""
What programs send to the distributor API, checked whole: every member named, typed, in range.

A member nobody knows is refused by name, and every problem is told at once, with its place as a
JSON pointer (`lines/0/quantity`). Nothing here asks the database.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from app.global_func import (
    BAD_BODY,
    REQUIRED,
    UNKNOWN_FIELD,
    ApiRequest,
    FieldProblem,
    FieldRule,
    InvalidFields,
    check_media_type,
    check_params,
    iso,
    now,
    settings,
)
from pipeline_dist.admission.commands import (
    DEFAULT_LEASE_SECONDS,
    BeginCall,
    ExtendCall,
    FinishCall,
)
from pipeline_dist.admission.request_hash import lines_to_hash, request_hash
from pipeline_dist.api.plain_call import plain_call
from pipeline_dist.api.tags import check_tags, pointer_token
from pipeline_dist.errors import (
    BAD_IDEMPOTENCY_KEY,
    BEGUN_HAS_NO_ERROR,
    CALL_NOT_AN_OBJECT,
    CALLS_REQUIRED,
    CANCELLED_HAS_NO_LINES,
    IDEMPOTENCY_KEY_REQUIRED,
    LINES_REQUIRED,
    MEANS_NOTHING_BESIDE,
    ONLY_BEGUN_IS_ESTIMATED,
    ONLY_OVER_WAS_BEFORE,
    STARTS_IN_FUTURE,
    STATUS_REQUIRED,
    TOO_LONG_AGO,
    TOO_MANY_CALLS,
)
from pipeline_ops.ledger.states import ENDINGS, OVER, CallStatus
from pipeline_ops.ledger.tag_texts import tags_text
from pipeline_ops.rules.usage_lines import LINE_RULES, MAX_LINES, UsageLine, check_lines

MAX_CALLS = 1000
MAX_LEASE_SECONDS = 86_400

MAX_KEY = 200
KEY = FieldRule(kind="str", required=True, length=MAX_KEY)
QUOTE_RULES = {"pipeline": FieldRule(kind="str", required=True, length=64)}
# What a client calls its call by, and hears again in every answer; and what is said of it.
LABEL_RULES = {"client_ref": FieldRule(kind="str", length=128, blank=True)}
LABEL_WORDS = {"client_ref": "Your own number or note; comes back in answers."}
VERSION = FieldRule(kind="int", minimum=1)
# Of a call that is over and happened earlier.
EVENT_RULES = {"started_at": FieldRule(kind="datetime", format="exact"), "version_no": VERSION}
_FIRST_TIME = datetime(2000, 1, 1, tzinfo=UTC)
CALL_RULES = {
    **QUOTE_RULES,
    **LABEL_RULES,
    "lease_seconds": FieldRule(
        kind="int", minimum=1, maximum=MAX_LEASE_SECONDS, default=DEFAULT_LEASE_SECONDS
    ),
    "status": FieldRule(kind="str", choices=OVER),
    **EVENT_RULES,
    "error": FieldRule(kind="text", length=4000, blank=True),
}
# Of a call that begins: an amount, or (a list) lines that are priced.
ESTIMATE_RULES = {"estimate": FieldRule(kind="decimal", minimum=0, precision=20, scale=10)}
BATCH_ITEM_RULES = {
    "idempotency_key": KEY,
    **CALL_RULES,
    "status": replace(CALL_RULES["status"], required=True),
}
FINISH_RULES = {
    "call_no": FieldRule(kind="str", required=True, length=32),
    "status": FieldRule(kind="str", required=True, choices=ENDINGS),
    "error": FieldRule(kind="text", length=4000, blank=True),
}
EXTEND_RULES = {
    "call_no": FINISH_RULES["call_no"],
    "lease_seconds": FieldRule(kind="int", minimum=1, maximum=MAX_LEASE_SECONDS, required=True),
}


def query(
    request: ApiRequest,
    spec: Mapping[str, FieldRule],
    *,
    apart: Collection[str] = (),
    problems: Collection[FieldProblem] = (),
) -> dict[str, Any]:
    """
    Return the typed parameters of the URL; raises InvalidFields, also for names neither in *spec*
    nor among those that are read *apart*, whose *problems* are told beside, and for parameters
    without a value.
    """
    params: dict[str, Any] = {}
    for name in request.query:
        if name in apart:
            continue
        texts = request.query.getall(name)
        params[name] = texts if len(texts) > 1 else texts[0]
    try:
        values = check_params(spec, params, strict=True)
    except InvalidFields as exc:
        raise InvalidFields([*exc.problems, *problems]) from None
    if problems:
        raise InvalidFields(problems)
    return values


def refuse_beside(request: ApiRequest, main: str, names: Iterable[str]) -> None:
    """Raise InvalidFields for those of *names* in the URL: beside *main* they mean nothing."""
    problems = [MEANS_NOTHING_BESIDE(name, main=main) for name in names if name in request.query]
    if problems:
        raise InvalidFields(problems)


def json_body(request: ApiRequest) -> dict[str, Any]:
    """
    Return the JSON object that was sent; raises AppError 415, BadRequest `bad_body`, and
    InvalidFields for parameters in the URL, where nothing reads them.
    """
    if request.query_string:
        query(request, {})
    body = request.context.json_body
    if body is None:
        check_media_type(request)
        raise BAD_BODY()
    return dict(body)


def idempotency_key(request: ApiRequest) -> str:
    """Return the header Idempotency-Key; raises BadRequest when it is missing or not usable."""
    headers = request.headers.getall("Idempotency-Key", [])
    if not headers or not headers[0].strip():
        raise IDEMPOTENCY_KEY_REQUIRED()
    problems = _key_problems(headers[0] if len(headers) == 1 else "", "Idempotency-Key")
    if problems:
        raise InvalidFields(problems)
    return headers[0]


def begin_call(key: str, body: Mapping[str, Any], request_id: str | None = None) -> BeginCall:
    """Return the body of a begin or of a one-go booking, under the idempotency key *key*, that came
    with the request *request_id*; raises InvalidFields."""
    return plain_call(key, body, request_id) or any_call(key, body, request_id)


def any_call(key: str, body: Mapping[str, Any], request_id: str | None = None) -> BeginCall:
    """Do as `begin_call` by the rules alone, for all that is not plain."""
    problems: list[FieldProblem] = []
    values = _members(CALL_RULES, body, problems, lists=("lines", "estimate", "tags"))
    tags = tags_text(check_tags(body.get("tags"), problems))
    lines = _lines(body["lines"], problems) if body.get("lines") is not None else None
    estimate, estimate_lines = _estimate(body.get("estimate"), problems)
    problems += _contradictions(body) or _far_times(values.get("started_at"))
    if problems:
        raise InvalidFields(problems)
    fields = _without_blanks(values) | {"tags": tags}
    meaning = fields | {"lines": lines_to_hash(lines) if lines is not None else None}
    meaning["estimate"] = estimate if estimate_lines is None else lines_to_hash(estimate_lines)
    if fields["status"] is not None:
        meaning["lease_seconds"] = None  # it means nothing to a call that is over
        fields["status"] = CallStatus(fields["status"])
    return BeginCall(
        **fields,
        is_told=any(fields[name] is not None for name in EVENT_RULES),
        idempotency_key=key,
        request_id=request_id,
        lines=lines or (),
        estimate=estimate,
        estimate_lines=estimate_lines,
        request_hash=request_hash(meaning, body),
    )


def batch_item(item: Any, request_id: str | None = None) -> BeginCall:
    """Return one finished call of a batch, the request *request_id*; raises InvalidFields."""
    if not isinstance(item, dict):
        raise InvalidFields([CALL_NOT_AN_OBJECT("")])
    if len(item) > InvalidFields.MAX_TOLD:  # so many names are not even copied
        raise InvalidFields(_unknown(item, {*BATCH_ITEM_RULES, "lines"}))
    body = {name: value for name, value in item.items() if name != "idempotency_key"}
    key = item.get("idempotency_key")
    problems = _key_problems(key, "idempotency_key")
    if body.get("status") is None and body.get("lines") is None:
        problems += [REQUIRED(name) for name in ("status", "lines")]
    try:
        command = begin_call(str(key), body, request_id)
    except InvalidFields as exc:
        raise InvalidFields([*problems, *exc.problems]) from None
    if problems:
        raise InvalidFields(problems)
    return command


def batch(body: Mapping[str, Any]) -> list[Any]:
    """Return the items of a batch, not yet looked into; raises InvalidFields."""
    problems: list[FieldProblem] = []
    _members({}, body, problems, lists=("calls",))
    calls = body.get("calls")
    if not isinstance(calls, list) or not calls:
        problems.append(CALLS_REQUIRED("calls"))
    elif len(calls) > MAX_CALLS:
        problems.append(TOO_MANY_CALLS("calls", most=MAX_CALLS))
    if problems:
        raise InvalidFields(problems)
    assert isinstance(calls, list)
    return calls


def finish_call(body: Mapping[str, Any]) -> FinishCall:
    """Return the body of a finish; raises InvalidFields."""
    problems: list[FieldProblem] = []
    values = _members(FINISH_RULES, body, problems, lists=("lines",))
    lines = _lines(body["lines"], problems) if body.get("lines") is not None else []
    if lines and body.get("status") == CallStatus.CANCELLED:
        problems.append(CANCELLED_HAS_NO_LINES("lines"))
    if problems:
        raise InvalidFields(problems)
    fields = _without_blanks(values)
    fields["status"] = CallStatus(fields["status"])
    # Which call it is of is not part of what is told of its end.
    meaning = {**fields, "call_no": None, "lines": lines_to_hash(lines) or None}
    return FinishCall(**fields, lines=lines, body_hash=request_hash(meaning, body))


def extend_call(body: Mapping[str, Any]) -> ExtendCall:
    """Return the body of an extension; raises InvalidFields."""
    problems: list[FieldProblem] = []
    values = _members(EXTEND_RULES, body, problems)
    if problems:
        raise InvalidFields(problems)
    return ExtendCall(**values)


def quote(body: Mapping[str, Any]) -> tuple[str, list[UsageLine]]:
    """Return the pipeline's code and the lines to be priced; raises InvalidFields."""
    problems: list[FieldProblem] = []
    values = _members(QUOTE_RULES, body, problems, lists=("lines",))
    lines = _lines(body.get("lines"), problems)
    if problems:
        raise InvalidFields(problems)
    return values["pipeline"], lines


def _members(
    spec: Mapping[str, FieldRule],
    members: Mapping[str, Any],
    problems: list[FieldProblem],
    *,
    lists: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the typed members of *members* that *spec* names; what is wrong goes to *problems*."""
    problems += _unknown(members, {*spec, *lists})
    try:
        return check_params(
            spec, {name: members[name] for name in members if name in spec}, strict=True
        )
    except InvalidFields as exc:
        problems += exc.problems
        return {}


def _without_blanks(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return *values*, an empty text being as good as none."""
    return {name: None if value == "" else value for name, value in values.items()}


def _unknown(
    members: Mapping[str, Any], names: Collection[str], where: str = ""
) -> list[FieldProblem]:
    unknown = (name for name in members if name not in names)
    return [
        UNKNOWN_FIELD(where + pointer_token(name))
        for name in islice(unknown, InvalidFields.MAX_TOLD)
    ]


def _estimate(
    value: Any, problems: list[FieldProblem]
) -> tuple[Decimal | None, list[UsageLine] | None]:
    """Return what is estimated: an amount, or lines; (None, None) for nothing."""
    if isinstance(value, list):
        return None, _lines(value, problems, field="estimate")
    return _members(ESTIMATE_RULES, {"estimate": value}, problems).get("estimate"), None


def _lines(value: Any, problems: list[FieldProblem], *, field: str = "lines") -> list[UsageLine]:
    items = value
    if isinstance(value, list) and len(value) <= MAX_LINES:
        items = [_known_members(item, f"{field}/{i}/", problems) for i, item in enumerate(value)]
    try:
        return check_lines(items, field=field)
    except InvalidFields as exc:
        problems += exc.problems
        return []


def _known_members(item: Any, where: str, problems: list[FieldProblem]) -> Any:
    if not isinstance(item, dict):
        return item
    problems += _unknown(item, LINE_RULES, where)
    return {name: item[name] for name in item if name in LINE_RULES}


def _contradictions(body: Mapping[str, Any]) -> list[FieldProblem]:
    has_status, has_lines = body.get("status") is not None, body.get("lines") is not None
    problems = []
    if has_lines and not has_status:
        problems.append(STATUS_REQUIRED("status"))
    if has_status and not has_lines:
        problems.append(LINES_REQUIRED("lines"))
    if not has_status:
        problems += [
            ONLY_OVER_WAS_BEFORE(name, name=name)
            for name in EVENT_RULES
            if body.get(name) not in (None, "")
        ]
    if has_status and body.get("estimate") is not None:
        problems.append(ONLY_BEGUN_IS_ESTIMATED("estimate"))
    if body.get("error") not in (None, "") and not has_status:
        problems.append(BEGUN_HAS_NO_ERROR("error"))
    return problems


def _far_times(started_at: Any) -> list[FieldProblem]:
    """Return what is wrong with a time that no call can have happened at, and with which no day
    could be reckoned; what else is too far is told of a call that is not there yet."""
    if not isinstance(started_at, datetime):
        return []
    moment = now()
    if started_at > moment + timedelta(days=1):
        return [STARTS_IN_FUTURE("started_at", moment=iso(moment))]
    if started_at < _FIRST_TIME:
        return [TOO_LONG_AGO("started_at", days=settings().options.backdating_days)]
    return []


def _key_problems(key: Any, name: str) -> list[FieldProblem]:
    # The database ignores blanks at the end when it compares.
    if isinstance(key, str) and key == key.strip():
        if 0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable():
            return []  # as most are
        try:
            check_params({name: KEY}, {name: key})
            return []
        except InvalidFields:
            pass
    return [BAD_IDEMPOTENCY_KEY(name, most=MAX_KEY)]
