"""What the module offers: a table of contents, registered all or nothing."""

from dataclasses import replace
from typing import Any

from app.global_func import (
    BodyLimit,
    Deed,
    Module,
    SearchSource,
    reading_endpoint,
    records_by_name,
    settings,
    table_endpoints,
    writing,
)
from pipeline_core.definition.functions import STEP_FUNCTIONS, StepFunction
from pipeline_core.draft import context, steps
from pipeline_core.endpoints import (
    editor as editor_api,
    pages as page_api,
    pipelines as admin_api,
    publications as publication_api,
    transfer as transfer_api,
)
from pipeline_core.endpoints.publication_worker import PUBLISHER
from pipeline_core.lifecycle import pipelines, step_prices, versions, watchers
from pipeline_core.transfer.parts import PARTS

EXPORTS = {
    **table_endpoints(pipelines.SERVICE, update=admin_api.pipelines_update),
    "pipeline_set_status": writing(admin_api.pipeline_set_status),
    **table_endpoints(
        steps.SERVICE,
        create=admin_api.pipeline_steps_create,
        update=admin_api.pipeline_steps_update,
        delete=admin_api.pipeline_steps_delete,
    ),
    "pipeline_steps_duplicate": writing(admin_api.pipeline_steps_duplicate),
    "pipeline_steps_enable": writing(admin_api.pipeline_steps_enable),
    "pipeline_steps_reorder": writing(admin_api.pipeline_steps_reorder),
    "pipeline_steps_move": writing(admin_api.pipeline_steps_move),
    **table_endpoints(versions.SERVICE, create=admin_api.pipeline_versions_create),
    "pipeline_publish": writing(admin_api.pipeline_publish),
    "pipeline_rollback": writing(admin_api.pipeline_rollback),
    "pipeline_draft_load": writing(admin_api.pipeline_draft_load),
    "pipeline_publication_request": writing(publication_api.pipeline_publication_request),
    "pipeline_publication_approve": writing(publication_api.pipeline_publication_approve),
    "pipeline_publication_cancel": writing(publication_api.pipeline_publication_cancel),
    "pipeline_approval_set": writing(publication_api.pipeline_approval_set),
    "pipeline_clone": writing(transfer_api.pipeline_clone),
    "pipeline_import": writing(transfer_api.pipeline_import),
    "pipeline_import_view": writing(transfer_api.pipeline_import_view),
    "pipeline_export": reading_endpoint(transfer_api.pipeline_export),
    "pipeline_workflow": reading_endpoint(transfer_api.pipeline_workflow),
    "pipeline_diagram": reading_endpoint(transfer_api.pipeline_diagram),
    "pipeline_validate": reading_endpoint(admin_api.pipeline_validate),
    "pipeline_editor": reading_endpoint(editor_api.pipeline_editor),
    "pipeline_contributors": reading_endpoint(editor_api.pipeline_contributors),
    "pipeline_rollback_preview": reading_endpoint(editor_api.pipeline_rollback_preview),
    "pipeline_diff": reading_endpoint(admin_api.pipeline_diff),
    "pipeline_validate_view": reading_endpoint(page_api.pipeline_validate_view, raw=True),
}


# A file of 5 MB at most, which grows when it is put into JSON or a form.
_FILE = (16 * 1_048_576, 1_000_000)
MODULE = Module(
    name="pipeline_core",
    endpoints=EXPORTS,
    background=(PUBLISHER.run,),
    contributions=(
        context.OWN_FACTS,
        pipelines.SERVICE,
        steps.SERVICE,
        versions.SERVICE,
        SearchSource(
            "pipelines",
            "pipelines",
            records_by_name("pipelines", "/pipeline_core/line.ui?pipeline_id="),
        ),
        Deed("See lines", "/pipeline_core/pipelines/get_pipelines.dspy"),
        Deed("Change lines", "/pipeline_core/api/pipeline_steps_update.dspy"),
        Deed("Publish", "/pipeline_core/api/pipeline_publish.dspy"),
        BodyLimit("/pipeline_core/api/pipeline_import.dspy", *_FILE),
        BodyLimit("/pipeline_core/api/pipeline_import_view.dspy", *_FILE),
    ),
    accepts=(
        STEP_FUNCTIONS,
        context.FACTS,
        step_prices.STEP_PRICES,
        PARTS,
        watchers.PIPELINE_WATCHERS,
    ),
)


def load_pipeline_core(env: Any = None) -> Module:
    """Offer the module's endpoints to all `.dspy` files as `pipeline_core_<name>`."""
    # Named twice in the settings, a function is one all the same.
    names = dict.fromkeys(settings().options.step_functions)
    functions = (StepFunction(name) for name in names)
    return replace(MODULE, contributions=(*MODULE.contributions, *functions)).offer(env)
