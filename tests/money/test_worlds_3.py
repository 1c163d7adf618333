"""Random worlds, part 3."""

from tests.money.parts import part

test_product_and_model_agree = part(3)
