"""Random worlds, part 4."""

from tests.money.parts import part

test_product_and_model_agree = part(4)
