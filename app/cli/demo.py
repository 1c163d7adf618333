"""
`manage.py demo` and `start.sh --demo`: a small line, its prices, a distributor and a key.

All of it goes through the running application's own endpoints, as an administrator's script
would do it. What is there already is found again by its code, so that it can be run at any time.
"""

import argparse
import json
import sys
from typing import Any

from app.access.first_admin import DemoAdministrator, demo_file, read_demo_file
from app.base.private_files import write_private
from app.base.settings import Settings, settings
from app.cli.demo_client import Client
from app.runtime.address import running_settings
from app.runtime.terminal import CommandError, in_language, print_message
from app.runtime.workers import local_url

PIPELINE = "demo-story"
DISTRIBUTOR = "demo"
_MODEL = "claude-haiku-4-5"
_STEPS: tuple[dict[str, Any], ...] = (
    {"step_key": "outline", "name": "拟提纲", "step_type": "model", "model": _MODEL},
    {"step_key": "draft", "name": "写正文", "step_type": "model", "model": _MODEL},
    {
        "step_key": "pictures",
        "name": "配图",
        "step_type": "model",
        "model": "demo-image",
        "stage": 2,
        "step_no": 2,
    },
    {"step_key": "review", "name": "人工审核", "step_type": "manual"},
)
_PRICES: tuple[dict[str, Any], ...] = (
    {"model": _MODEL, "unit": "input_token", "unit_price": "7.2", "unit_size": 1_000_000},
    {"model": _MODEL, "unit": "output_token", "unit_price": "36", "unit_size": 1_000_000},
    {
        "model": "demo-image",
        "unit": "image",
        "pricing_type": "package",
        "package_size": 100,
        "package_price": "25",
    },
    {"unit": "second", "unit_price": "0.02"},
)
_CALL = {
    "pipeline": PIPELINE,
    "status": "succeeded",
    "lines": [
        {"step_key": "draft", "model": _MODEL, "unit": "input_token", "quantity": 1200},
        {"step_key": "draft", "model": _MODEL, "unit": "output_token", "quantity": 350},
    ],
}


def run_command(argv: list[str]) -> int:
    """Load the demo into the running application and tell how to use it."""
    parser = argparse.ArgumentParser(
        prog="manage.py demo",
        description="Load the demo data into the running system. 向运行中的系统载入演示数据。",
    )
    parser.add_argument("--username", help="an administrator; 管理员用户名")
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help="read its password from the standard input; 从标准输入读取其密码",
    )
    args = parser.parse_args(argv)
    if bool(args.username) != args.password_stdin:
        parser.error("--username and --password-stdin go together; 两者须同时使用")
    config = running_settings(settings())
    if args.username:
        password = sys.stdin.readline().rstrip("\n")
        load(args.username, password, config, is_generated=False)
    else:
        load_with_own_administrator(config)
    return 0


def load_with_own_administrator(config: Settings) -> None:
    """Load the demo as an administrator whose password is known from the set-up."""
    administrator = DemoAdministrator(config)
    load(administrator.username, administrator.password, config, is_generated=True)


def load(username: str, password: str, config: Settings, *, is_generated: bool) -> None:
    """
    Make what is missing of the demo, write demo.json, print the address and a curl line.

    Only a password that is generated is written and printed, never that of a person.
    """
    client = Client(local_url(config))
    client.sign_in(username, password)
    _make_pipeline(client)
    api_key = _make_distributor(client, config)
    account = {"username": username} | ({"password": password} if is_generated else {})
    _write_file(account, api_key, config)
    _print(account, api_key, config)


def _make_pipeline(client: Client) -> None:
    pipeline = client.find("pipeline_core", "pipelines", code=PIPELINE)
    if pipeline is None:
        pipeline = client.post(
            "/pipeline_core/api/pipelines_create.dspy",
            {
                "code": PIPELINE,
                "name": "短篇故事（演示）",
                "description": "先拟提纲，再同时写正文与配图，最后人工审核。",
            },
        )
    owner = {"pipeline_id": pipeline["id"]}
    for step in _STEPS:
        if not client.find("pipeline_core", "pipeline_steps", **owner, step_key=step["step_key"]):
            client.post("/pipeline_core/api/pipeline_steps_create.dspy", owner | step)
    for price in _PRICES:
        same = {name: price[name] for name in ("model", "unit") if name in price}
        if not client.find("pipeline_ops", "pipeline_pricing", **owner, **same):
            client.post(
                "/pipeline_ops/api/pipeline_pricing_create.dspy",
                owner | price | {"effective_from": "2026-01-01T00:00:00Z"},
            )
    if not client.find("pipeline_ops", "pipeline_capacity", **owner):
        client.post(
            "/pipeline_ops/api/pipeline_capacity_create.dspy",
            owner | {"daily_quota": 10_000, "max_concurrency": 20},
        )
    if pipeline.get("status") != "published":
        client.post(
            "/pipeline_core/api/pipeline_publish.dspy",
            {"pipeline_id": pipeline["id"], "notes": "演示"},
        )


def _make_distributor(client: Client, config: Settings) -> str:
    """Make the distributor and its right to the line; its API key, a new one if none is known."""
    distributor = client.find("pipeline_dist", "distributors", code=DISTRIBUTOR)
    if distributor is None:
        distributor = client.post(
            "/pipeline_dist/api/distributors_create.dspy",
            {
                "code": DISTRIBUTOR,
                "name": "演示分销商",
                "quota_period": "day",
                "quota_calls": 1000,
            },
        )
    pipeline = client.find("pipeline_core", "pipelines", code=PIPELINE)
    if pipeline is None:
        raise CommandError(f"The line {PIPELINE} is not to be found.", f"找不到产线 {PIPELINE}。")
    link = {"distributor_id": distributor["id"], "pipeline_id": pipeline["id"]}
    if not client.find("pipeline_dist", "distributor_pipeline", **link):
        client.post("/pipeline_dist/api/distributor_pipeline_create.dspy", link)
    api_key = str((read_demo_file(config).get("distributor") or {}).get("api_key", ""))
    if api_key and client.key_works(api_key):
        return api_key
    answer = client.post(
        "/pipeline_dist/api/distributor_generate_key.dspy",
        {"id": distributor["id"], "grace_hours": 0},
    )
    return str(answer["api_key"])


def _write_file(account: dict[str, str], api_key: str, config: Settings) -> None:
    place = config.pipeline_database
    write_private(
        demo_file(config),
        json.dumps(
            {
                "base_url": local_url(config),
                "admin": account,
                "distributor": {"code": DISTRIBUTOR, "api_key": api_key},
                "pipeline": {"code": PIPELINE},
                "database": {
                    "host": place.host,
                    "port": place.port,
                    "socket": place.unix_socket,
                    "user": place.user,
                    "password": place.password,
                    "name": place.name,
                },
            },
            ensure_ascii=False,
            indent=2,
        )
        + "\n",
    )


def _print(account: dict[str, str], api_key: str, config: Settings) -> None:
    url = local_url(config)
    print_message("\nDemo\n", "\n演示\n")
    hidden = in_language("(not written down)", "（未记录）")
    for label, value in (
        (in_language("Address", "地址"), url + "/"),
        (in_language("Administrator", "管理员"), account["username"]),
        (in_language("Password", "密码"), account.get("password", hidden)),
        (in_language("API key", "接口密钥"), api_key),
        (in_language("Documentation of the API", "接口文档"), f"{url}/pipeline_dist/v1/docs"),
        (in_language("For scripts", "供脚本使用"), str(demo_file(config))),
    ):
        print(f"  {label}: {value}")
    print_message(
        "\nBook a call as the distributor's program does:\n", "\n像分销商的程序一样登记一次调用：\n"
    )
    print(curl_line(url, api_key), flush=True)


def curl_line(url: str, api_key: str) -> str:
    """Return a line to paste into a shell; each paste books another call."""
    return (
        f"curl -sS -w '\\n' -X POST {url}/pipeline_dist/v1/calls"
        f" -H 'Authorization: Bearer {api_key}' -H 'Content-Type: application/json'"
        ' -H "Idempotency-Key: demo-$(date +%s%N)"'
        f" -d '{json.dumps(_CALL)}'"
    )
