"""Scripts are compiled once and see request parameters only as `params_kw`."""

import asyncio

from app.server.dspy import compile_script


def run(script, params):
    async def answer():
        return await script.run(None, params)

    return asyncio.run(answer())


def test_a_script_sees_the_hosts_functions_and_its_parameters():
    script = compile_script("return double(params_kw['n'])", "x.dspy", {"double": lambda n: 2 * n})

    assert script.request_names == ()
    assert run(script, {"n": 4}) == 8


def test_a_parameter_named_like_a_function_shadows_nothing():
    script = compile_script("return double(1)", "x.dspy", {"double": lambda n: 2 * n})

    assert run(script, {"double": "attack", "request": "attack"}) == 2


def test_functions_of_the_request_are_passed_only_where_named():
    script = compile_script("return await get_user()", "x.dspy", {})

    assert script.request_names == ("get_user",)


def test_text_over_several_lines_keeps_its_lines():
    script = compile_script('return "a" "b"\n', "x.dspy", {})

    assert run(script, {}) == "ab"
