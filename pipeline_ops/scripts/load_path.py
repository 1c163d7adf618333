"""Register this module's paths in Sage: `py3/bin/python pipeline_ops/scripts/load_path.py`."""

from app.global_func import register_paths

TABLES = ("pipeline_pricing", "pipeline_capacity", "pipeline_usage_log")
# Listed one by one: a generated script that writes has no way in.
LISTS = tuple(
    f"/pipeline_ops/{table}/{file}"
    for table in TABLES
    for file in ("index.ui", f"get_{table}.dspy")
)
LOOKS = tuple(
    f"/pipeline_ops/api/{name}.dspy"
    for name in (
        "get_search_pipeline_id",
        "usage_stats",
        "usage_figures",
        "usage_concerns",
        "line_figures",
        "price_quote",
        "usage_calls",
        "usage_calls_total",
        "usage_call",
        "price_choices",
    )
)
PAGES = ("/pipeline_ops/calls.ui",)
WRITES = ("/pipeline_ops/api/**",)

ANY: tuple[str, ...] = ()
LOGINED: tuple[str, ...] = ()
ROLES = {
    "owner.superuser": [*LISTS, *PAGES, *LOOKS, *WRITES],
    "owner.operator": [*LISTS, *PAGES, *LOOKS, *WRITES],
    "owner.viewer": [*LISTS, *PAGES, *LOOKS],
}

if __name__ == "__main__":
    register_paths("pipeline_ops", any_=ANY, logined=LOGINED, roles=ROLES)
