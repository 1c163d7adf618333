"""The form of a step: what the server refuses stands beside the field it is about."""

import json
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.installation import Installation
from tests.support.pipelines import do, naming_functions, new_pipeline, new_step, rows


@pytest.fixture(scope="module")
def server(
    database: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """Workers of an installation that has two functions."""
    folder = tmp_path_factory.mktemp("functions")
    with naming_functions(database, folder, "text.clean", "pictures.crop") as running:
        yield running


def open_form(page: Page, pipeline: dict[str, str], key: str) -> Locator:
    """The window of a step's form."""
    page.goto(f"/#/pipeline_core/line.ui?pipeline_id={pipeline['id']}")
    page.locator(f'.step-card[data-key="{key}"]').dblclick()
    return page.get_by_role("dialog", name="编辑步骤")


def field(window: Locator, name: str) -> Locator:
    return window.locator(f'[data-field="config.{name}"]')


def save(window: Locator) -> None:
    window.locator("button[data-tool=submit]").click()


def test_each_wrong_key_is_told_at_its_own_field(admin: httpx.Client, admin_page: Page) -> None:
    pipeline = new_pipeline(admin)
    new_step(admin, pipeline, "call", step_type="http", model=None,
             config={"url": "https://example.com/a"})  # fmt: skip
    window = open_form(admin_page, pipeline, "call")
    url, status, headers = (field(window, name) for name in ("url", "expected_status", "headers"))
    url.locator("input").fill("nowhere")
    status.locator("textarea").fill("[200, 9]")
    save(window)

    expect(url.locator(".field-error")).to_have_text("url 必须是网址，例如 https://example.com/x。")
    expect(status.locator(".field-error")).to_contain_text("100 到 599")
    expect(window.locator(".field-error:visible")).to_have_count(2)
    expect(url.locator("input")).to_be_focused()
    expect(url.locator("input")).to_have_attribute("aria-invalid", "true")
    expect(window.locator(".form-summary")).to_have_text("请检查标出的字段。")

    url.locator("input").fill("https://example.com/b")
    status.locator("textarea").fill("[200, 204]")
    headers.locator(".mapping-add").click()
    expect(headers.locator("input")).to_have_count(2)
    for box, text in zip(headers.locator("input").all(), ("X-A/b.c", "1"), strict=True):
        box.fill(text)
    save(window)
    expect(window).to_have_count(0)
    (step,) = rows(admin, "pipeline_steps", pipeline_id=pipeline["id"])
    assert json.loads(step["config"]) == {
        "url": "https://example.com/b", "expected_status": [200, 204], "headers": {"X-A/b.c": "1"},
    }  # fmt: skip


def test_problems_inside_a_key_are_told_together_at_its_field(
    admin: httpx.Client, admin_page: Page
) -> None:
    pipeline = new_pipeline(admin, "ask")
    window = open_form(admin_page, pipeline, "ask")
    parameters = field(window, "parameters")
    parameters.locator("textarea").fill('{"temperature": 3, "max_tokens": 0}')
    save(window)

    error = parameters.locator(".field-error")
    expect(error).to_contain_text("parameters.temperature")
    expect(error).to_contain_text("parameters.max_tokens")
    expect(window.locator(".field-error:visible")).to_have_count(1)


def test_the_functions_of_the_installation_are_offered_and_another_is_marked(
    admin: httpx.Client, admin_page: Page
) -> None:
    pipeline = new_pipeline(admin)
    new_step(
        admin, pipeline, "do", step_type="script", model=None, config={"function": "text.burn"}
    )
    window = open_form(admin_page, pipeline, "do")

    function = field(window, "function")
    options = function.locator("datalist option")
    expect(options).to_have_count(2)
    names = options.evaluate_all("all => all.map((one) => one.value)")
    assert names == ["pictures.crop", "text.clean"]
    expect(window.locator(".step-problems")).to_contain_text("text.burn")
    function.locator("input").fill("two words")
    save(window)
    expect(function.locator(".field-error")).to_be_visible()
    function.locator("input").fill("text.clean")
    save(window)
    expect(window).to_have_count(0)
    expect(admin_page.locator('.step-card[data-key="do"] .problem-error')).to_have_count(0)
    assert admin_page.evaluate("bricks.untranslated()") == []


def test_another_type_does_not_make_what_was_typed_saved(
    admin: httpx.Client, admin_page: Page
) -> None:
    pipeline = new_pipeline(admin, "ask")
    window = open_form(admin_page, pipeline, "ask")
    window.locator("[data-field=name] input").fill("A long name")
    kind = window.locator("[data-field=step_type] select")
    kind.select_option("http")
    expect(window.locator("[data-field=name] input")).to_have_value("A long name")
    expect(kind).to_be_focused()
    admin_page.keyboard.press("Escape")

    expect(admin_page.get_by_role("alertdialog")).to_contain_text("关闭后已输入的内容将丢失")


def test_pairs_without_a_name_and_names_that_stand_twice_are_told(
    admin: httpx.Client, admin_page: Page
) -> None:
    pipeline = new_pipeline(admin)
    new_step(admin, pipeline, "call", step_type="http", model=None,
             config={"url": "https://example.com/a", "headers": {"X-A": "1"}})  # fmt: skip
    window = open_form(admin_page, pipeline, "call")
    headers = field(window, "headers")
    headers.locator(".mapping-add").click()
    row = headers.locator(".mapping-row").nth(1)
    name, value = row.locator("input").nth(0), row.locator("input").nth(1)
    value.fill("2")
    save(window)
    expect(headers.locator(".field-error")).to_have_text("请为这一对填写名称，或将其删除。")
    expect(name).to_be_focused()

    name.fill("X-A")
    save(window)
    expect(headers.locator(".field-error")).to_have_text("“X-A”出现了两次。")
    headers.get_by_role("button", name="移除").last.click()
    expect(headers.locator(".field-error")).to_be_hidden()
    save(window)
    expect(window).to_have_count(0)
    (step,) = rows(admin, "pipeline_steps", pipeline_id=pipeline["id"])
    assert json.loads(step["config"])["headers"] == {"X-A": "1"}
    assert admin_page.evaluate("bricks.untranslated()") == []


EXACT = (
    '{"inputs":{"text":"{{input.a}}\\n{{input.b}}","x":" input.x "},"other":{"n":1e3},'
    '"parameters":{"big":9007199254740993,"temperature":1.0},"prompt":"one\\r\\ntwo\\r\\n{{text}}"}'
)


def exact_step(admin: httpx.Client, key: str = "ask") -> tuple[dict[str, str], dict[str, str]]:
    pipeline = new_pipeline(admin)
    step = new_step(admin, pipeline, key, config=EXACT)
    assert step["config"] == EXACT
    return pipeline, step


def now(admin: httpx.Client, pipeline: dict[str, str]) -> dict[str, str]:
    (step,) = rows(admin, "pipeline_steps", pipeline_id=pipeline["id"])
    return step


def test_a_step_that_is_opened_and_saved_stays_as_it_was(
    admin: httpx.Client, admin_page: Page
) -> None:
    pipeline, _ = exact_step(admin)
    step = now(admin, pipeline)
    window = open_form(admin_page, pipeline, "ask")
    expect(field(window, "parameters").locator("textarea")).to_have_value(
        '{\n  "big": 9007199254740993,\n  "temperature": 1.0\n}'
    )
    save(window)
    expect(window).to_have_count(0)
    assert now(admin, pipeline) == step

    window = open_form(admin_page, pipeline, "ask")
    window.locator("[data-field=name] input").fill("Another name")
    save(window)
    expect(window).to_have_count(0)
    assert (now(admin, pipeline)["name"], now(admin, pipeline)["config"]) == ("Another name", EXACT)


@pytest.mark.parametrize(("name", "text", "before", "after"), [
    ("prompt", "one\nand\ntwo\n{{text}}", '"one\\r\\ntwo', '"one\\r\\nand\\r\\ntwo'),
    ("parameters", '{"big": 9007199254740993, "temperature": 1.10}', '":1.0}', '":1.10}'),
    ("inputs", "input.c\nx", '{{input.a}}\\n{{input.b}}', 'input.c\\nx'),
    ("", '{"n": 1e3, "m": 0.10}', '{"n":1e3}', '{"m":0.10,"n":1e3}'),
])  # fmt: skip
def test_only_what_was_edited_of_a_configuration_changes(
    admin: httpx.Client, admin_page: Page, name: str, text: str, before: str, after: str
) -> None:
    pipeline, _ = exact_step(admin)
    window = open_form(admin_page, pipeline, "ask")
    box = field(window, name).locator("textarea").first
    box.fill(text if name else f'{{"other": {text}}}')
    save(window)
    expect(window).to_have_count(0)

    assert EXACT.count(before) == 1
    assert now(admin, pipeline)["config"] == EXACT.replace(before, after)


def test_who_was_second_keeps_what_the_first_has_changed(
    admin: httpx.Client, admin_page: Page
) -> None:
    pipeline, step = exact_step(admin)
    window = open_form(admin_page, pipeline, "ask")
    field(window, "prompt").locator("textarea").fill("mine")
    theirs = EXACT.replace("1e3", "2.50").replace('"temperature":1.0', '"temperature":2.0')
    do(admin, "pipeline_steps_update", id=step["id"], lock_version=step["lock_version"],
       config=theirs)  # fmt: skip
    save(window)
    expect(window.locator(".difference tbody tr")).to_have_count(2)
    window.get_by_role("button", name="按所选保存").click()
    expect(window).to_have_count(0)

    prompt = '"one\\r\\ntwo\\r\\n{{text}}"'
    assert now(admin, pipeline)["config"] == theirs.replace(prompt, '"mine"')
