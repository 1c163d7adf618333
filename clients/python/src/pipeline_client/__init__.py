"""
The client of Pipeline-App's distributor API.

    from pipeline_client import Client

    with Client("https://pipeline.example", "ppk_…") as client:
        with client.call("script-to-video") as call:
            call.add("second", "12.5")
"""

from pipeline_client import problem_classes
from pipeline_client.calls import AsyncRunningCall, RunningCall
from pipeline_client.clients import AsyncClient, Client
from pipeline_client.exchange import Retries
from pipeline_client.models import (
    Adjustment,
    ApiKey,
    BatchItemResult,
    BatchResult,
    Call,
    Correction,
    CurrentCall,
    Event,
    Limit,
    Me,
    Party,
    Pipeline,
    Price,
    PricedLine,
    Quote,
    Stage,
    Statement,
    StatementLine,
    StatementSummary,
    Step,
    UsageLine,
    UsageSum,
    UsageSums,
    UsageTotal,
    Version,
)
from pipeline_client.operations import Line
from pipeline_client.problem_classes import *  # noqa: F403
from pipeline_client.problems import BadAnswer, NoAnswer, PipelineError, Problem
from pipeline_client.records import FieldProblem, Record, Refusal, plain
from pipeline_client.spool import SpoolError, SpoolLocked
from pipeline_client.webhooks import Webhook, WebhookError
from pipeline_client.writer import AsyncBatchWriter, BatchItem, BatchWriter

__all__ = [
    "Adjustment",
    "ApiKey",
    "AsyncBatchWriter",
    "AsyncClient",
    "AsyncRunningCall",
    "BadAnswer",
    "BatchItem",
    "BatchItemResult",
    "BatchResult",
    "BatchWriter",
    "Call",
    "Client",
    "Correction",
    "CurrentCall",
    "Event",
    "FieldProblem",
    "Limit",
    "Line",
    "Me",
    "NoAnswer",
    "Party",
    "Pipeline",
    "PipelineError",
    "Price",
    "PricedLine",
    "Problem",
    "Quote",
    "Record",
    "Refusal",
    "Retries",
    "RunningCall",
    "SpoolError",
    "SpoolLocked",
    "Stage",
    "Statement",
    "StatementLine",
    "StatementSummary",
    "Step",
    "UsageLine",
    "UsageSum",
    "UsageSums",
    "UsageTotal",
    "Version",
    "Webhook",
    "WebhookError",
    "plain",
]
__all__ += problem_classes.__all__
