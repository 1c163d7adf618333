"""Which price applies: own before everybody's, then the most specific, by the link's mode."""

from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from pipeline_ops.rules.terms import MATCHES, LinkTerms, PricingMode, Terms

OWNERS = ("", "d1", "d2")
STEPS = ("", "s", "t")
MODELS = ("", "m", "n")
RATE = Decimal("0.85")


def price(owner: str = "", step: str = "", model: str = "", unit: str = "call") -> Terms:
    """A price of 1 that is called by what it is for."""
    name = f"{owner}/{step}/{model}/{unit}"
    return Terms(
        pricing_id=name, distributor_id=owner, step_key=step, model=model, unit=unit,
        pricing_type="unit", unit_price=Decimal("1.000000"), currency="CNY",
    )  # fmt: skip


USES = st.tuples(
    st.sampled_from(OWNERS), st.sampled_from(STEPS), st.sampled_from(MODELS),
    st.sampled_from(("call", "image")),
)  # fmt: skip
PRICES = st.lists(USES, unique=True).map(lambda uses: [price(*use) for use in uses])


def expected(prices: list[Terms], link: LinkTerms, step: str, model: str) -> str | None:
    """The order of money.md written out: each place is asked in turn."""
    names = {one.pricing_id for one in prices}
    scopes = [link.distributor_id] if link.distributor_id else []
    if link.pricing_mode != PricingMode.FIXED:
        scopes.append("")
    for owner in scopes:
        for place in ((step, model), (step, ""), ("", model), ("", "")):
            name = f"{owner}/{place[0]}/{place[1]}/call"
            if name in names:
                return name
    return None


@given(
    PRICES,
    st.sampled_from((None, "d1", "d2")),
    st.sampled_from(PricingMode),
    st.sampled_from(STEPS),
    st.sampled_from(MODELS),
)
def test_own_prices_come_first_then_the_most_specific(
    prices: list[Terms], owner: str | None, mode: PricingMode, step: str, model: str
) -> None:
    link = LinkTerms(owner, mode, RATE)

    choice = link.choose(prices, step, model, "call")

    assert (choice and choice.pricing_id) == expected(prices, link, step, model)
    if choice is not None:
        is_own = choice.distributor_id != ""
        assert choice.price_scope == ("own" if is_own else "general")
        assert choice.matched == MATCHES[bool(choice.step_key), bool(choice.model)]
        is_discounted = mode == PricingMode.DISCOUNT and not is_own
        assert choice.unit_price == (RATE if is_discounted else 1)


@given(PRICES, st.sampled_from((None, "d1")), st.sampled_from(PricingMode))
def test_effective_prices_are_those_that_can_be_chosen(
    prices: list[Terms], owner: str | None, mode: PricingMode
) -> None:
    link = LinkTerms(owner, mode, RATE)

    effective = link.effective(prices)

    uses = [(step, model, unit) for step in (*STEPS, "x") for model in (*MODELS, "x")
            for unit in ("call", "image")]  # fmt: skip
    for use in uses:
        assert LinkTerms(owner).choose(effective, *use) == link.choose(prices, *use)
    choices = [link.choose(prices, *use) for use in uses]
    assert all(item in choices for item in effective)


@pytest.mark.parametrize(
    ("step", "model", "word"),
    [("s", "m", "step+model"), ("s", "", "step"), ("", "m", "model"), ("", "", "all")],
)
def test_a_price_says_how_it_was_found(step: str, model: str, word: str) -> None:
    assert price(step=step, model=model).matched == word
