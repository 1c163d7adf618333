"""Register this module's paths in Sage: `py3/bin/python pipeline_dist/scripts/load_path.py`."""

from app.global_func import register_paths

# Listed one by one: a generated script that writes has no way in.
LINKS = (
    "/pipeline_dist/distributor_pipeline/index.ui",
    "/pipeline_dist/distributor_pipeline/get_distributor_pipeline.dspy",
)
# Distributors' contacts and keys are on these.
DISTRIBUTORS = (
    "/pipeline_dist/distributors/index.ui",
    "/pipeline_dist/distributors/get_distributors.dspy",
    "/pipeline_dist/distributor.ui",
    "/pipeline_dist/distributor_key.ui",
    "/pipeline_dist/distributor_adjust.ui",
    "/pipeline_dist/distributor_topup.ui",
    "/pipeline_dist/distributor_statement.ui",
    "/pipeline_dist/statements.ui",
    "/pipeline_dist/app_event/index.ui",
    "/pipeline_dist/app_event/get_app_event.dspy",
    "/pipeline_dist/app_webhook/index.ui",
    "/pipeline_dist/app_webhook/get_app_webhook.dspy",
    "/pipeline_dist/app_webhook_delivery/index.ui",
    "/pipeline_dist/app_webhook_delivery/get_app_webhook_delivery.dspy",
    "/pipeline_dist/statement_close.ui",
)
SEARCH = "/pipeline_dist/api/get_search_distributor_id.dspy"
LINK_WRITES = (
    "/pipeline_dist/api/distributor_pipeline_create.dspy",
    "/pipeline_dist/api/distributor_pipeline_update.dspy",
    "/pipeline_dist/api/distributor_pipeline_delete.dspy",
    "/pipeline_dist/api/distributor_pipeline_restore.dspy",
)
# What the window in which a link's own prices are changed reads.
OWN_PRICES = "/pipeline_dist/api/own_prices.dspy"

# Distributors' programs come without a login; the key in the header decides.
ANY = ("/pipeline_dist/v1/**",)
LOGINED: tuple[str, ...] = ()
ROLES = {
    "owner.superuser": [*LINKS, *DISTRIBUTORS, "/pipeline_dist/api/**"],
    "owner.operator": [*LINKS, *LINK_WRITES, OWN_PRICES, SEARCH],
    "owner.viewer": [*LINKS, SEARCH],
}

if __name__ == "__main__":
    register_paths("pipeline_dist", any_=ANY, logined=LOGINED, roles=ROLES)
