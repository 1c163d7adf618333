"""
How a row of the ledger was priced: whose the price is, and how it was found.

The price itself says it for ever, since one that was in force never changes. (Rows keep `matched`
too, for the packages that they used; those of before packages were kept have none.)
"""

from pipeline_ops.rules.terms import EVERYBODY, MATCHES, PriceScope

# Joins the price `r` of a row `u` of the ledger.
PRICE_OF_ROW = " left join pipeline_pricing r on r.id = u.pricing_id"
# Prices of a distributor that were taken back before they became rows of their own are in no table:
# that they were own ones stands in the ledger, what they were for does not.
_SCOPE = (
    f"if(u.unit = '', null, if(r.distributor_id <> '{EVERYBODY}'"
    " or r.id is null and u.pricing_mode = 'fixed',"
    f" '{PriceScope.OWN}', '{PriceScope.GENERAL}')) as price_scope"
)
_CASES = " ".join(
    f"when (r.step_key <> '') = {step} and (r.model <> '') = {model} then '{word}'"
    for (step, model), word in MATCHES.items()
)
# The columns `price_scope` and `matched` of a row `u` with a price.
MATCH_COLUMNS = f"{_SCOPE}, case {_CASES} end as matched"
