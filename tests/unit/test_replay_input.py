"""The price list of a replay: read whole, or refused with the line."""

from pathlib import Path

import pytest

from pipeline_dist.replay.trace import ReplayError, read_prices

HEAD = "provider,model,input_usd_per_1m_tokens,output_usd_per_1m_tokens\n"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("one,m,1,200.50,3\n", "line 2: there are more cells"),
        ("one,m,0.5\n", "line 2"),
        ('one,m,0.5,"1,200.50"\n', "line 2: 1,200.50 is no price"),
        ('one,"m,0.5,3\n', "cannot be read"),
        ('one,"m"x,0.5,3\n', "cannot be read"),
    ],
)
def test_a_price_is_never_read_from_a_row_that_is_wrong(
    tmp_path: Path, row: str, sentence: str
) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(HEAD + row, "utf-8")

    with pytest.raises(ReplayError) as caught:
        read_prices(path, "m")
    assert sentence in str(caught.value)
