"""
The host's public face: all that the three modules may import, and what `.dspy` files may call.

Modules import from here only, so that the host's inside can change without them.
"""

from typing import Any

from app.actor import SYSTEM_ACTOR, Actor
from app.addresses import Network, read_address, read_network
from app.answers import Answer, json_response
from app.audit import Change, because, deleted, note
from app.audit_api import audit_entry_view, audit_put_back
from app.body import check_media_type
from app.bulk import bulk_insert, bulk_update
from app.callers import UNKNOWN_ADDRESS
from app.cell_texts import harmless
from app.clock import (
    day_bounds,
    iso,
    month_bounds,
    next_day_start,
    next_month_start,
    now,
    quota_day,
    quota_month,
    zone_name,
)
from app.codes import get_code
from app.database import in_transaction, pools, reading, transaction
from app.editors import offer_editors
from app.endpoint import answering, check_method, reading_endpoint, register, writing
from app.errors import (
    AppError,
    BadRequest,
    Conflict,
    DuplicateKey,
    EditConflict,
    FieldProblem,
    Forbidden,
    InUse,
    InvalidFields,
    MethodNotAllowed,
    NotFound,
    NotSignedIn,
    PaymentRequired,
    Text,
    TooManyRequests,
    Unavailable,
    Unprocessable,
)
from app.fields import (
    JsonText,
    Rule,
    check_change,
    check_delete,
    check_new,
    check_params,
    check_references,
    without_unchanged,
)
from app.file_types import CSV_TYPE, XLSX_TYPE
from app.filters import any_case, like_pattern
from app.ids import new_id, time_ordered_id
from app.imports import import_rows
from app.json_numbers import JsonNumber, is_bounded, kept_json, plain_spelling
from app.json_numbers import encoder as json_encoder
from app.jsontext import JsonError, canonical_bytes, canonical_json, json_bytes, parse_json, to_json
from app.listing import list_rows
from app.messages import say
from app.models import table
from app.row_checks import offer_row_checks
from app.rows import (
    check_lock_version,
    delete_row,
    get_row,
    insert_row,
    insert_rows,
    public,
    update_row,
)
from app.sage_paths import register_paths
from app.settings import FUNCTION_NAME, settings
from app.spreadsheets import BYTE_ORDER_MARK, ExcelCells
from app.sqlor_safe import Row, SafeSqlor, sort_terms
from app.values import whole_range

__all__ = [
    "BYTE_ORDER_MARK",
    "CSV_TYPE",
    "FUNCTION_NAME",
    "SYSTEM_ACTOR",
    "UNKNOWN_ADDRESS",
    "XLSX_TYPE",
    "Actor",
    "Answer",
    "AppError",
    "BadRequest",
    "Change",
    "Conflict",
    "DuplicateKey",
    "EditConflict",
    "ExcelCells",
    "FieldProblem",
    "Forbidden",
    "InUse",
    "InvalidFields",
    "JsonError",
    "JsonNumber",
    "JsonText",
    "MethodNotAllowed",
    "Network",
    "NotFound",
    "NotSignedIn",
    "PaymentRequired",
    "Row",
    "Rule",
    "SafeSqlor",
    "Text",
    "TooManyRequests",
    "Unavailable",
    "Unprocessable",
    "answering",
    "any_case",
    "because",
    "bulk_insert",
    "bulk_update",
    "canonical_bytes",
    "canonical_json",
    "check_change",
    "check_delete",
    "check_lock_version",
    "check_media_type",
    "check_method",
    "check_new",
    "check_params",
    "check_references",
    "day_bounds",
    "delete_row",
    "deleted",
    "get_code",
    "get_module_dbname",
    "get_row",
    "harmless",
    "in_transaction",
    "insert_row",
    "insert_rows",
    "is_bounded",
    "iso",
    "json_bytes",
    "json_encoder",
    "json_response",
    "kept_json",
    "like_pattern",
    "list_rows",
    "month_bounds",
    "new_id",
    "next_day_start",
    "next_month_start",
    "note",
    "now",
    "offer_editors",
    "offer_functions",
    "offer_row_checks",
    "parse_json",
    "plain_spelling",
    "pools",
    "public",
    "quota_day",
    "quota_month",
    "read_address",
    "read_network",
    "reading",
    "reading_endpoint",
    "register",
    "register_paths",
    "say",
    "settings",
    "sort_terms",
    "table",
    "time_ordered_id",
    "to_json",
    "transaction",
    "update_row",
    "whole_range",
    "without_unchanged",
    "writing",
    "zone_name",
]

MODULES = ("pipeline_core", "pipeline_ops", "pipeline_dist")


def get_module_dbname(module: str) -> str:
    """The entry of `databases` that *module* uses; all of ours share `pipeline`."""
    if module not in ("app", *MODULES):
        raise KeyError(f"{module} is not a module of this application")
    return "pipeline"


def offer_functions(env: Any) -> None:
    """Put the host's functions into *env* (ServerEnv), after initEnv has filled it."""
    env.get_module_dbname = get_module_dbname
    env.list_rows = list_rows
    env.import_rows = import_rows
    env.get_code = get_code
    env.audit_put_back = writing(audit_put_back)
    env.audit_entry_view = audit_entry_view
