"""A quota month as a parameter."""

import re

from app.global_func import FieldRule
from pipeline_ops.errors import BAD_MONTH

MONTH_RULE = FieldRule(
    kind="str",
    pattern=re.compile("2[0-9]{3}-(?:0[1-9]|1[0-2])"),
    problem=BAD_MONTH,
)
