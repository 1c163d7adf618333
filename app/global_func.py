"""
The host's public face: all that the three modules may import, and what `.dspy` files may call.

Modules import from here only, so that the host's inside can change without them.
"""

from typing import Any

from app.access.api_request import AnyRequest, ApiRequest
from app.access.register_paths import register_paths
from app.access.request_context import CONTEXT
from app.access.user_names import add_names
from app.base.actor import SYSTEM_ACTOR, Actor
from app.base.addresses import Network, read_address, read_network
from app.base.catalogue import fields as field_problems, requests as request_refusals
from app.base.catalogue.fields import (
    BAD_ADDRESS,
    BAD_CHOICE,
    BAD_DATE,
    OUT_OF_ORDER,
    OUT_OF_RANGE,
    REQUIRED,
    TOO_LONG,
    UNKNOWN_FIELD,
)
from app.base.catalogue.records import (
    BAD_FILE,
    BAD_SEARCH,
    BAD_SORT,
    DUPLICATE,
    IN_USE,
    NOTHING_TO_CHANGE,
    TIME_IS_OVER,
    TOO_MANY_ROWS,
)
from app.base.catalogue.requests import BAD_BODY, BUSY, INTERNAL_ERROR, NOT_FOUND, TOO_SLOW
from app.base.clock import (
    day_bounds,
    iso,
    month_bounds,
    next_day_start,
    next_month_start,
    now,
    quota_day,
    quota_month,
    zone_name,
    zone_offset,
)
from app.base.command import Command
from app.base.contributions import Contributions
from app.base.currencies import check_in_force, minor_units
from app.base.errors import (
    AppError,
    ErrorCode,
    FieldCode,
    FieldProblem,
    Message,
    Sentence,
    Unavailable,
)
from app.base.i18n import translate
from app.base.ids import new_id, time_ordered_id
from app.base.json_codec import (
    JsonError,
    canonical_bytes,
    canonical_json,
    json_bytes,
    parse_json,
    to_json,
)
from app.base.json_numbers import (
    JsonNumber,
    encoder as json_encoder,
    is_bounded,
    kept_json,
    plain_spelling,
)
from app.base.log_repeats import log_failure, log_unavailable
from app.base.metrics import Count, Counter, Gauge, Histogram, add_measure
from app.base.pause import pause
from app.base.refusals import DuplicateKey, EditConflict, InUse, InvalidFields
from app.base.sealing import (
    OtherKey,
    opens as secret_opens,
    resealed as resealed_secret,
    seal as seal_secret,
    unseal as unseal_secret,
)
from app.base.secrets import secret
from app.base.settings import FUNCTION_NAME, settings
from app.base.shares import share_message
from app.db.background import BackgroundWork
from app.db.bulk import (
    Quote,
    bulk_insert_tuples,
    bulk_update,
    insert_texts,
    quote_of,
    update_texts,
)
from app.db.host_clock import MAX_OFFSET_SECONDS, require_right_clock
from app.db.named_locks import named_lock
from app.db.pool import pools
from app.db.results import Query, Rows
from app.db.shared_reads import SharedReads
from app.db.sqlor import Row, SafeSqlor, column_names, sort_terms
from app.db.transactions import in_transaction, reading, transaction
from app.db.twins import twins_in_use, use_twins
from app.endpoints.audit import audit_entry_view, audit_put_back
from app.endpoints.audit_view import ACTIONS as AUDIT_ACTIONS
from app.endpoints.choices import get_code
from app.endpoints.import_rows import import_rows
from app.endpoints.lists import list_rows
from app.endpoints.role_matrix import Deed
from app.endpoints.search import (
    MAX_HITS,
    Hit,
    SearchSource,
    records_by_name,
    search_everything,
)
from app.endpoints.views import team_view_delete, team_view_save, view_delete, view_save
from app.records.cell_texts import escape_formula
from app.records.deletions import Deletion, Part
from app.records.file_types import CSV_TYPE, XLSX_TYPE
from app.records.filters import any_case, like_pattern, like_prefix
from app.records.rows import (
    check_lock_version,
    delete_row,
    get_row,
    insert_row,
    insert_rows,
    no_record,
    public,
    update_locked_row,
    update_row,
)
from app.records.spreadsheets import BYTE_ORDER_MARK, CsvFile, ExcelCells
from app.records.table_service import Record, TableService, Values
from app.records.trail import Change, audit_context, deletion, record_changes
from app.runtime.address import running_settings
from app.runtime.workers import local_url
from app.schema.coercion import whole_range
from app.schema.tables import TWIN_PREFIX, Index, references, table
from app.schema.validation import (
    FieldRule,
    JsonText,
    check_delete,
    check_new,
    check_params,
    check_references,
    check_update,
    lock_parent,
    without_unchanged,
)
from app.web.body import BodyLimit, check_media_type
from app.web.callers import UNKNOWN_ADDRESS
from app.web.deprecation import Deprecation
from app.web.endpoint import Endpoint, answering, for_programs, reading_endpoint, writing
from app.web.module import Module
from app.web.packing import SECRET_HEADERS, with_tag
from app.web.request import ProgramApi
from app.web.responses import Answer, ReadyJson, json_response
from app.web.table_endpoints import table_endpoints

__all__ = [
    "AUDIT_ACTIONS",
    "BAD_ADDRESS",
    "BAD_BODY",
    "BAD_CHOICE",
    "BAD_DATE",
    "BAD_FILE",
    "BAD_SEARCH",
    "BAD_SORT",
    "BUSY",
    "BYTE_ORDER_MARK",
    "CONTEXT",
    "CSV_TYPE",
    "DUPLICATE",
    "FUNCTION_NAME",
    "INTERNAL_ERROR",
    "IN_USE",
    "MAX_HITS",
    "MAX_OFFSET_SECONDS",
    "NOTHING_TO_CHANGE",
    "NOT_FOUND",
    "OUT_OF_ORDER",
    "OUT_OF_RANGE",
    "REQUIRED",
    "SECRET_HEADERS",
    "SYSTEM_ACTOR",
    "TIME_IS_OVER",
    "TOO_LONG",
    "TOO_MANY_ROWS",
    "TOO_SLOW",
    "TWIN_PREFIX",
    "UNKNOWN_ADDRESS",
    "UNKNOWN_FIELD",
    "XLSX_TYPE",
    "Actor",
    "Answer",
    "AnyRequest",
    "ApiRequest",
    "AppError",
    "BackgroundWork",
    "BodyLimit",
    "Change",
    "Command",
    "Contributions",
    "Count",
    "Counter",
    "CsvFile",
    "Deed",
    "Deletion",
    "Deprecation",
    "DuplicateKey",
    "EditConflict",
    "Endpoint",
    "ErrorCode",
    "ExcelCells",
    "FieldCode",
    "FieldProblem",
    "FieldRule",
    "Gauge",
    "Histogram",
    "Hit",
    "InUse",
    "Index",
    "InvalidFields",
    "JsonError",
    "JsonNumber",
    "JsonText",
    "Message",
    "Module",
    "Network",
    "OtherKey",
    "Part",
    "ProgramApi",
    "Query",
    "Quote",
    "ReadyJson",
    "Record",
    "Row",
    "Rows",
    "SafeSqlor",
    "SearchSource",
    "Sentence",
    "SharedReads",
    "TableService",
    "Unavailable",
    "Values",
    "add_measure",
    "add_names",
    "answering",
    "any_case",
    "audit_context",
    "bulk_insert_tuples",
    "bulk_update",
    "canonical_bytes",
    "canonical_json",
    "check_delete",
    "check_in_force",
    "check_lock_version",
    "check_media_type",
    "check_new",
    "check_params",
    "check_references",
    "check_update",
    "column_names",
    "day_bounds",
    "delete_row",
    "deletion",
    "escape_formula",
    "field_problems",
    "for_programs",
    "get_code",
    "get_module_dbname",
    "get_row",
    "in_transaction",
    "insert_row",
    "insert_rows",
    "insert_texts",
    "installation_secret",
    "is_bounded",
    "iso",
    "json_bytes",
    "json_encoder",
    "json_response",
    "kept_json",
    "like_pattern",
    "like_prefix",
    "list_rows",
    "local_url",
    "lock_parent",
    "log_failure",
    "log_unavailable",
    "minor_units",
    "month_bounds",
    "named_lock",
    "new_id",
    "next_day_start",
    "next_month_start",
    "no_record",
    "now",
    "offer_functions",
    "parse_json",
    "pause",
    "plain_spelling",
    "pools",
    "public",
    "quota_day",
    "quota_month",
    "quote_of",
    "read_address",
    "read_network",
    "reading",
    "reading_endpoint",
    "record_changes",
    "records_by_name",
    "references",
    "register_paths",
    "request_refusals",
    "require_right_clock",
    "resealed_secret",
    "running_settings",
    "seal_secret",
    "secret_opens",
    "settings",
    "share_message",
    "sort_terms",
    "table",
    "table_endpoints",
    "time_ordered_id",
    "to_json",
    "transaction",
    "translate",
    "twins_in_use",
    "unseal_secret",
    "update_locked_row",
    "update_row",
    "update_texts",
    "use_twins",
    "whole_range",
    "with_tag",
    "without_unchanged",
    "writing",
    "zone_name",
    "zone_offset",
]

MODULES = ("pipeline_core", "pipeline_ops", "pipeline_dist")


def get_module_dbname(module: str) -> str:
    """Return the entry of `databases` that *module* uses; all of ours share `pipeline`."""
    if module not in ("app", *MODULES):
        raise KeyError(f"{module} is not a module of this application")
    return "pipeline"


def installation_secret(name: str) -> str:
    """Return the secret *name* of this installation, made at its first use."""
    return secret(settings().var_dir, name)


def offer_functions(env: Any) -> None:
    """Put the host's functions into *env* (ServerEnv), after initEnv has filled it."""
    env.get_module_dbname = get_module_dbname
    env.list_rows = list_rows
    env.import_rows = import_rows
    env.get_code = get_code
    env.search_everything = search_everything
    env.view_save = view_save
    env.view_delete = view_delete
    env.team_view_save = team_view_save
    env.team_view_delete = team_view_delete
    env.audit_put_back = writing(audit_put_back)
    env.audit_entry_view = audit_entry_view
