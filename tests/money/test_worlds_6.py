"""Random worlds, part 6."""

from tests.money.parts import part

test_product_and_model_agree = part(6)
