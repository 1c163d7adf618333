"""All endpoints of the distributor API, by the names that `.dspy` files call; each is the operation
of its name in the OpenAPI document."""

from pipeline_dist.api import events, keys, v1, webhooks

ENDPOINTS = {
    **v1.ENDPOINTS,
    **keys.KEY_ENDPOINTS,
    **events.EVENT_ENDPOINTS,
    **webhooks.WEBHOOK_ENDPOINTS,
}
