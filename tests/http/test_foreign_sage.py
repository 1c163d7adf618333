"""The application on a Sage database made by others: older columns, users in several roles."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from appPublic.rc4 import password as encode_password

from tests.support.installation import WITHIN, Installation
from tests.support.second_factors import code_of, sign_in_with, turn_on

NAME = "other_sage"
# Sage's tables as an older installation has them: no last_login, login_fail_count, sync_from.
TABLES = """
create table users (id varchar(32) primary key, username varchar(255) unique, password varchar(255),
  email varchar(255), orgid varchar(32), nick_name varchar(255), address varchar(255),
  mobile varchar(255), user_status char(1) default '0', created_at date, key (orgid));
create table organization (id varchar(32) primary key, orgname varchar(255) unique,
  orgabbr varchar(255), parentid varchar(32), org_type varchar(32));
create table orgtypes (id varchar(32) primary key, orgid varchar(32), orgtypeid varchar(32));
create table role (id varchar(32) primary key, orgtypeid varchar(32) default '0',
  name varchar(100));
create table userrole (id varchar(32) primary key, userid varchar(32), roleid varchar(32));
create table permission (id varchar(32) primary key, name varchar(255), description varchar(255),
  parentid varchar(32), path varchar(255) unique, icon varchar(255), permtype varchar(255),
  need_audit char(1));
create table rolepermission (id varchar(32) primary key, roleid varchar(32), permid varchar(32));
create table audit_log (id varchar(32) primary key, permid varchar(32), userid varchar(32),
  params_kw text, exe_date date, exe_timestamp timestamp, remote_ip varchar(40));
insert into organization (id, orgname, org_type)
  values ('0', 'Owner', 'owner'), ('7', 'Shop', 'customer');
insert into role values ('any','0','any'), ('logined','0','logined'), ('anonymous','0','anonymous'),
  ('r1','owner','superuser'), ('r2','customer','customer'), ('r3','customer','reader'),
  ('r4','owner','*'), ('r5','*','reader');
insert into userrole values ('u1','1','r1'), ('u2','2','r2'), ('u3','2','r3'), ('u4','3','r2');
insert into permission (id, name, path, need_audit) values
  ('sage1', 'sage', '/main/index.ui', '0'), ('sage2', 'sage', '/whoami.dspy', '1');
insert into rolepermission values ('sage1', 'logined', 'sage1');
"""
SCRIPTS = ["app", "pipeline_core", "pipeline_ops", "pipeline_dist"]


@pytest.fixture(scope="module")
def sage(database: Installation) -> Iterator[Installation]:
    admin, place = database.mariadb.admin_connection(), database.mariadb.connection()
    assert admin is not None
    assert place is not None
    with admin.open(autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"drop database if exists {NAME}")
        cursor.execute(f"create database {NAME} character set utf8mb4")
        cursor.execute(f"use {NAME}")
        for statement in TABLES.split(";"):
            if statement.strip():
                cursor.execute(statement)
        for user_id, name in (("1", "chief"), ("2", "several"), ("3", "customer")):
            cursor.execute(
                "insert into users (id, username, password, orgid, user_status)"
                " values (%s, %s, %s, '0', '0')",
                (
                    user_id,
                    name,
                    encode_password(f"{name}-pass", key=database.settings.password_key),
                ),
            )
        cursor.execute("select distinct host from mysql.user where user = %s", (place.user,))
        for (host,) in cursor.fetchall():
            cursor.execute(f"grant all on {NAME}.* to %s@%s", (place.user, host))
    database.extra_env["SAGE_RBAC_DB"] = NAME
    try:
        for module in SCRIPTS:
            database.command(str(Path(module) / "scripts" / "load_path.py"))
        database.start(workers=2)
        yield database
    finally:
        database.stop()
        del database.extra_env["SAGE_RBAC_DB"]


def sign_in(server: Installation, name: str):
    return server.sign_in(name, f"{name}-pass")


def test_the_chief_may_do_everything(sage):
    client = sign_in(sage, "chief")

    assert client.get("/pipeline_dist/distributors/get_distributors.dspy").status_code == 200


def test_roles_of_the_ecosystem_without_a_right_are_refused(sage):
    for name in ("several", "customer"):
        client = sign_in(sage, name)

        assert client.get("/pipeline_core/pipelines/get_pipelines.dspy").status_code == 403


def test_several_roles_add_up_and_changes_count_within_seconds(sage):
    client = sign_in(sage, "several")
    path = "/pipeline_core/pipelines/get_pipelines.dspy"
    assert client.get(path).status_code == 403

    sage.query(
        "insert ignore into permission (id, name, path, need_audit) values ('x', 'sage', %s, '0')",
        path,
        database=NAME,
    )
    sage.query(
        "insert into rolepermission select 'x1', 'r5', id from permission where path = %s",
        path,
        database=NAME,
    )

    end = time.monotonic() + WITHIN
    while client.get(path).status_code != 200:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert sign_in(sage, "customer").get(path).status_code == 403


def test_loading_the_paths_again_changes_nothing_and_keeps_rights_given_by_hand(sage):
    count = "select count(*) as n from rolepermission"
    before = sage.query(count, database=NAME)

    for module in SCRIPTS:
        report = sage.command(str(Path(module) / "scripts" / "load_path.py")).stdout
        assert "0 added, 0 removed" in report

    assert sage.query(count, database=NAME) == before
    assert sage.query("select 1 from rolepermission where id = 'sage1'", database=NAME)


def test_signing_in_works_without_the_newer_columns(sage):
    assert sign_in(sage, "customer").get("/whoami.dspy").json()["data"]["roles"] == [
        "customer.customer"
    ]


def test_uses_of_audited_paths_are_written_down_without_secrets(sage):
    client = sign_in(sage, "chief")

    client.get("/whoami.dspy", params={"password": "secret-1", "x": "y"})

    row = sage.query("select * from audit_log where userid = '1' order by id", database=NAME)[0]
    assert row["permid"] == "sage2"
    assert '"x":"y"' in row["params_kw"]
    assert "secret-1" not in row["params_kw"]


def test_who_may_do_what_is_told_of_an_older_sage_too(sage):
    report = sage.manage("may", "several", "/whoami.dspy").stdout
    everybody = sage.manage("who-may", "/index.ui").stdout

    assert report.startswith("Yes. several may use /whoami.dspy")
    assert "customer.customer, customer.reader" in report
    assert "/main/index.ui" in everybody


def test_users_of_such_a_sage_are_only_shown(sage):
    client = sign_in(sage, "chief")
    before = sage.query("select * from users order by id", database=NAME)

    data = client.get("/appbase/user_list.dspy").json()["data"]
    answers = [
        client.post(f"/appbase/user_{name}.dspy", json=fields)
        for name, fields in (
            ("invite", {"username": "new", "roles": "owner.superuser"}),
            ("state", {"id": "2", "disabled": True}),
            ("roles", {"id": "2", "roles": "owner.superuser"}),
            ("link", {"id": "2"}),
        )
    ] + [client.post("/appbase/account_password.dspy",
                     json={"password": "chief-pass", "new_password": "a-new-one-42"})]  # fmt: skip

    assert data["ours"] is False
    assert {user["username"]: user["last_sign_in"] for user in data["users"]} == {
        "chief": None, "several": None, "customer": None,
    }  # fmt: skip
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
        (409, "users_are_sages")
    }
    assert sage.query("select * from users order by id", database=NAME) == before
    assert sage.query("select 1 from app_invitation") == []


def test_second_factors_are_ours_there_too(sage):
    secret, _ = turn_on(sign_in(sage, "several"), "several-pass")

    _, refusal = sign_in_with(sage, "several", "several-pass")
    _, answer = sign_in_with(sage, "several", "several-pass", code_of(secret))

    assert refusal.json()["code"] == "second_factor_wanted"
    assert answer.status_code == 200
    reset = sign_in(sage, "chief").post("/appbase/user_second_factor_reset.dspy", json={"id": "2"})
    assert reset.status_code == 200
