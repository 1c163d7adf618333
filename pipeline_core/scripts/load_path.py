"""Register this module's paths in Sage: `py3/bin/python pipeline_core/scripts/load_path.py`."""

from app.global_func import register_paths

TABLES = ("pipelines", "pipeline_steps", "pipeline_versions")
# Listed one by one: a generated script that writes has no way in.
LISTS = tuple(
    f"/pipeline_core/{table}/{file}"
    for table in TABLES
    for file in ("index.ui", f"get_{table}.dspy")
)
LOOKS = (
    "/pipeline_core/line.ui",
    "/pipeline_core/api/pipeline_validate.dspy",
    "/pipeline_core/api/pipeline_validate_view.dspy",
    "/pipeline_core/api/pipeline_editor.dspy",
    "/pipeline_core/api/pipeline_contributors.dspy",
    "/pipeline_core/api/pipeline_rollback_preview.dspy",
    "/pipeline_core/api/pipeline_export.dspy",
    "/pipeline_core/api/pipeline_workflow.dspy",
    "/pipeline_core/api/pipeline_diagram.dspy",
    "/pipeline_core/api/pipeline_diff.dspy",
    "/pipeline_core/pipeline_validate.ui",
    "/pipeline_core/pipeline_export.ui",
)
WRITES = (
    "/pipeline_core/api/**",
    "/pipeline_core/pipeline_clone.ui",
    "/pipeline_core/pipeline_import.ui",
    "/pipeline_core/pipeline_status.ui",
)

ANY: tuple[str, ...] = ()
LOGINED: tuple[str, ...] = ()
ROLES = {
    "owner.superuser": [*LISTS, *LOOKS, *WRITES],
    "owner.operator": [*LISTS, *LOOKS],
    "owner.viewer": [*LISTS, *LOOKS],
}

if __name__ == "__main__":
    register_paths("pipeline_core", any_=ANY, logined=LOGINED, roles=ROLES)
