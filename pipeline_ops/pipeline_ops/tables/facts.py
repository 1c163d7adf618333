"""What prices, capacity and the ledger say about a line, for pipeline_core to ask."""

from pipeline_core.draft.context import PipelineFacts, Referrer

FACTS = PipelineFacts(
    referrers=(
        Referrer("pipeline_usage_log", "{count} call(s) in the usage log", "line_no = 0"),
        Referrer("pipeline_pricing", "{count} price(s)"),
        Referrer("pipeline_capacity", "the capacity"),
    ),
    prices="""
select distinct step_key, model from pipeline_pricing
 where pipeline_id = ${id}$ and distributor_id = '' and enabled = 1
   and effective_from <= ${at}$ and (effective_to is null or effective_to > ${at}$)
""",
    capacity="select id from pipeline_capacity where pipeline_id = ${id}$",
    models="select model from pipeline_pricing where model <> ''",
)
