"""Packages by units left: what is charged, what a void gives back, and that nothing is lost."""

from decimal import Decimal
from math import ceil

from hypothesis import given, strategies as st

from pipeline_ops.rules.packages import (
    PackageUse,
    Purchase,
    carry_charge,
    carry_reversal,
    consume,
    load_use,
    package_count,
    release,
)

UNITS = st.decimals(0, 100_000, places=6)
SIZES = st.integers(1, 1000)
PRICES = st.decimals(0, 1000, places=6)
CHARGES = st.lists(st.tuples(UNITS, SIZES, PRICES), max_size=12)


def charge_all(
    charges: list[tuple[Decimal, int, Decimal]],
) -> tuple[PackageUse, list[Decimal]]:
    """The use after *charges*, and what each cost."""
    use, amounts = PackageUse(), []
    for units, size, price in charges:
        use, amount = consume(use, units, size, price)
        amounts.append(amount)
    return use, amounts


def paid(use: PackageUse) -> Decimal:
    """What the packages that were not taken back have cost."""
    return sum((item.price * item.count for item in use.bought), Decimal(0))


def test_two_calls_share_a_package() -> None:
    use, amounts = charge_all([(Decimal(60), 100, Decimal(25)), (Decimal(60), 100, Decimal(25))])

    assert amounts == [25, 25]
    assert use == PackageUse(Decimal(80), (Purchase(100, Decimal(25), 2),))


def test_the_call_that_bought_the_package_is_voided_and_the_other_still_pays_for_it() -> None:
    use, _ = charge_all([(Decimal(60), 100, Decimal(25)), (Decimal(30), 100, Decimal(25))])

    use, refund = release(use, Decimal(60))

    assert (use.units_left, refund) == (Decimal(70), Decimal(0))
    assert release(use, Decimal(30)) == (PackageUse(Decimal(0), ()), Decimal(25))


def test_the_newest_package_that_fits_is_taken_back_at_its_own_price() -> None:
    use, amounts = charge_all([(Decimal(100), 100, Decimal(25)), (Decimal(10), 10, Decimal(3))])
    assert amounts == [25, 3]

    use, refund = release(use, Decimal(100))

    # 100 units are left: the package of 10 goes first, and then 90 are too few for that of 100.
    assert (use.units_left, refund) == (Decimal(90), Decimal(3))


@given(st.lists(st.tuples(UNITS, st.booleans()), max_size=12), SIZES, PRICES)
def test_with_one_price_what_is_bought_is_what_the_units_need(
    steps: list[tuple[Decimal, bool]], size: int, price: Decimal
) -> None:
    use, balance = PackageUse(), Decimal(0)
    running: list[Decimal] = []
    for units, is_void in steps:
        if is_void and running:
            use, refund = release(use, running.pop(len(running) // 2))
            assert refund >= 0
            balance -= refund
        else:
            use, amount = consume(use, units, size, price)
            running.append(units)
            balance += amount
        count = ceil(sum(running) / size)
        assert sum(item.count for item in use.bought) == count
        assert balance == count * price
        assert use.units_left == count * size - sum(running)


@given(CHARGES, st.randoms(use_true_random=False))
def test_voiding_everything_in_any_order_gives_everything_back(charges, random) -> None:
    use, amounts = charge_all(charges)
    assert paid(use) == sum(amounts)
    refunds = []
    for units, _, _ in random.sample(charges, len(charges)):
        use, refund = release(use, units)
        assert refund >= 0
        refunds.append(refund)

    assert sum(amounts) == sum(refunds)
    assert use == PackageUse()


@given(CHARGES)
def test_units_are_never_lost(charges: list[tuple[Decimal, int, Decimal]]) -> None:
    use, _ = charge_all(charges)

    bought = sum(item.size * item.count for item in use.bought)
    assert use.units_left == bought - sum(units for units, _, _ in charges)
    assert use.units_left >= 0


@given(CHARGES)
def test_a_row_keeps_the_use(charges: list[tuple[Decimal, int, Decimal]]) -> None:
    use, _ = charge_all(charges)

    assert load_use(use.units_left, use.dump()) == use


def test_a_begun_package_counts_whole() -> None:
    assert [package_count(Decimal(x), 10) for x in ("0", "0.000001", "10", "10.000001")] == [
        0,
        1,
        1,
        2,
    ]


def test_the_longest_amounts_stay_exact() -> None:
    units, price = Decimal("99999999999999.999999"), Decimal("999999999999.999999")

    use, amount = consume(PackageUse(), units, 1, price)

    assert amount == Decimal(99999999999999999900000000)
    assert release(use, units) == (PackageUse(Decimal(0), ()), amount)


@given(st.lists(st.tuples(UNITS, st.booleans()), max_size=12), SIZES, PRICES)
def test_what_was_paid_for_by_the_old_rule_is_given_back_in_the_end_and_no_more(
    steps: list[tuple[Decimal, bool]], size: int, price: Decimal
) -> None:
    """By sums: a call costs the packages that its units begin beside those that still count."""
    use, units, balance = PackageUse(), Decimal(0), Decimal(0)
    running: list[tuple[Decimal, Decimal]] = []
    for quantity, is_void in steps:
        if is_void and running:
            back, amount = running.pop(len(running) // 2)
            use = carry_reversal(use, back, size, price, amount)
            units, balance = units - back, balance - amount
        else:
            count = package_count(units + quantity, size) - package_count(units, size)
            running.append((quantity, count * price))
            use = carry_charge(use, quantity, size, price, count * price)
            units, balance = units + quantity, balance + count * price
        assert use.units_left >= 0
        assert paid(use) == balance

    refund = Decimal(0)
    for quantity, _ in running:
        use, back = release(use, quantity)
        refund += back
    assert refund == balance
    assert use == PackageUse()


def test_a_rest_that_is_gone_is_nothing_and_not_less() -> None:
    use = carry_charge(PackageUse(), Decimal(60), 100, Decimal(10), Decimal(10))
    use = carry_charge(use, Decimal("30.5"), 100, Decimal(10), Decimal(0))

    use = carry_reversal(use, Decimal(60), 100, Decimal(10), Decimal(10))

    assert use == PackageUse(Decimal("0.5"), (Purchase(1, Decimal(0), 31),))
