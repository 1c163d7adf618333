"""What the module offers: a table of contents, registered all or nothing."""

import re
from typing import Any

from app.global_func import (
    BodyLimit,
    Command,
    Deed,
    Module,
    ProgramApi,
    SearchSource,
    reading_endpoint,
    records_by_name,
    table_endpoints,
    writing,
)
from pipeline_dist.accounts import counted, distributors, links, usage_fences
from pipeline_dist.accounts.key_use import KEY_USE_WRITER
from pipeline_dist.accounts.sandbox import SANDBOX_SWEEPER
from pipeline_dist.accounts.sandbox_keeper import SANDBOX_KEEPER
from pipeline_dist.admin import (
    concerns as concerns_api,
    distributors as admin_api,
    figures as figures_api,
    keys as keys_api,
    own_prices as prices_api,
    statement as statement_api,
)
from pipeline_dist.admission import account as accounts
from pipeline_dist.api import docs as document_api
from pipeline_dist.api.endpoints import ENDPOINTS
from pipeline_dist.closing import check as kept_statements
from pipeline_dist.closing.archive import CLOSED_MONTHS
from pipeline_dist.closing.worker import MONTH_CLOSER
from pipeline_dist.events.outbox import WATCHER
from pipeline_dist.events.worker import KEEPER, TELLER
from pipeline_dist.reports import statements
from pipeline_dist.webhooks.worker import DELIVERY_KEEPER, run_sender

EXPORTS = {
    **table_endpoints(distributors.SERVICE),
    **table_endpoints(links.SERVICE),
    "distributor_generate_key": writing(admin_api.distributor_generate_key),
    "distributor_revoke_key": writing(admin_api.distributor_revoke_key),
    "distributor_keys": reading_endpoint(keys_api.distributor_keys),
    "distributor_key_create": writing(keys_api.distributor_key_create),
    "distributor_key_update": writing(keys_api.distributor_key_update),
    "distributor_key_rotate": writing(keys_api.distributor_key_rotate),
    "distributor_key_revoke": writing(keys_api.distributor_key_revoke),
    "distributor_adjust": writing(admin_api.distributor_adjust),
    "distributor_topup": writing(admin_api.distributor_topup),
    "get_search_distributor_id": reading_endpoint(admin_api.get_search_distributor_id, raw=True),
    "distributor_statement": reading_endpoint(statement_api.distributor_statement),
    "distributor_statement_lines": reading_endpoint(
        statement_api.distributor_statement_lines, raw=True
    ),
    "distributor_statement_view": reading_endpoint(
        statement_api.distributor_statement_view, raw=True
    ),
    "distributor_overview": reading_endpoint(figures_api.distributor_overview),
    "distributor_concerns": reading_endpoint(concerns_api.distributor_concerns),
    "own_prices": reading_endpoint(prices_api.own_prices),
    "distributor_usage": reading_endpoint(figures_api.distributor_usage),
    "distributor_statement_file": reading_endpoint(statement_api.distributor_statement_file),
    "distributor_statement_page": reading_endpoint(statement_api.distributor_statement_page),
    "distributor_statement_mail": reading_endpoint(statement_api.distributor_statement_mail),
    "statement_list": reading_endpoint(statement_api.statement_list, raw=True),
    "statement_close": writing(statement_api.statement_close),
    **ENDPOINTS,
    "v1_openapi": document_api.openapi,
    "v1_docs": document_api.docs,
    "v1_docs_guide": document_api.guide,
    "v1_docs_search": document_api.search,
}


MODULE = Module(
    name="pipeline_dist",
    endpoints=EXPORTS,
    commands=(
        Command(
            "replay",
            "pipeline_dist.replay.command",
            "send a recorded trace of calls through the HTTP API",
            "把记录下来的调用序列经 HTTP 接口重放",
        ),
        Command(
            "close-months",
            "pipeline_dist.closing.command",
            "close every month up to one, with its statements",
            "关账至某月，并生成账单",
        ),
    ),
    background=(
        MONTH_CLOSER.run,
        KEY_USE_WRITER.run,
        SANDBOX_SWEEPER.run,
        SANDBOX_KEEPER.run,
        TELLER.run,
        KEEPER.run,
        run_sender,
        DELIVERY_KEEPER.run,
    ),
    contributions=(
        links.FACTS,
        links.PRICE_OWNERS_OF_DIST,
        WATCHER,
        accounts.PROVIDER,
        *counted.COUNTED,
        usage_fences.FENCES,
        kept_statements.STATEMENTS,
        CLOSED_MONTHS,
        statements.STATEMENTS,
        distributors.SERVICE,
        links.SERVICE,
        SearchSource(
            "distributors",
            "distributors",
            records_by_name("distributors", "/pipeline_dist/distributor.ui?id="),
        ),
        Deed("See distributors", "/pipeline_dist/distributors/get_distributors.dspy"),
        Deed("Make keys", "/pipeline_dist/api/distributor_key_create.dspy"),
        Deed("Close months", "/pipeline_dist/api/statement_close.dspy"),
        # The distributor API in any version, one that is not there included.
        ProgramApi(re.compile(r"/pipeline_dist/v[0-9]+(?:/|$)")),
        # A thousand calls of thirty lines, spelled out, have 3 MB and 126,000 values.
        BodyLimit("/pipeline_dist/v1/calls/batch/index.dspy", 8 * 1_048_576, 200_000),
    ),
)


def load_pipeline_dist(env: Any = None) -> Module:
    """Offer the module's endpoints to all `.dspy` files as `pipeline_dist_<name>`."""
    return MODULE.offer(env)
