"""The configuration is complete, or the start ends with a sentence that says where it is not."""

import json
import ssl
from pathlib import Path

import pytest
from appPublic.aes import aes_encode_b64

from app.base.settings import load_settings
from app.base.settings_checks import ConfigError


@pytest.fixture
def load(tmp_path: Path):
    def load_options(config, **env):
        file = tmp_path / "config.json"
        file.write_text(config if isinstance(config, str) else json.dumps(config), "utf-8")
        return load_settings({"PIPELINE_CONF": str(file), "PIPELINE_VAR": str(tmp_path), **env})

    return load_options


def with_database(**kwargs):
    return {"databases": {"pipeline": {"kwargs": {"host": "db.example", **kwargs}}}}


def test_broken_json_is_told_with_line_and_column(load):
    with pytest.raises(ConfigError, match="line 2, column 1"):
        load('{"a": 1,\n}')


def test_every_problem_is_told_at_once(load):
    config = with_database() | {
        "website": {"prot": 1, "port": "x"},
        "pipeline": {"quota_time_zone": "Mars/Olympus", "pool_size": "many", "session_hours": 0},
    }

    with pytest.raises(ConfigError) as error:
        load(config)

    for part in ("website.prot", "port must be", "Mars/Olympus", "pool_size must be int",
                 "session_hours must be a whole number from 1"):  # fmt: skip
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (with_database(port="x"), "databases.pipeline.kwargs.port"),
        ({"databases": ["pipeline"]}, "databases must be an object"),
        ({"databases": {"pipeline": "x"}}, "pipeline must be an object"),
        (with_database() | {"website": {"processors": [["a"]]}}, "processors must be pairs"),
        (with_database() | {"website": {"processors": "ab"}}, "processors must be pairs"),
        (with_database() | {"pipeline": {"trusted_proxies": ["10.0.0.1/8"]}}, "is not a CIDR"),
        (with_database() | {"pipeline": {"trusted_proxies": ["fe80::1%eth0"]}}, "is not a CIDR"),
        (with_database() | {"pipeline": {"public_url": "pipeline.example.com"}}, "public_url"),
        (with_database() | {"pipeline": {"public_url": "https://"}}, "public_url"),
        (with_database() | {"pipeline": {"public_url": "https://[::1"}}, "public_url"),
        (with_database() | {"pipeline": {"default_currency": "YEN"}}, "is no currency of ISO"),
        (with_database() | {"pipeline": {"pool_size": 0}}, "pool_size must be a whole number"),
    ],
)
def test_what_is_of_another_form_is_told_and_ends_nothing_with_a_trace(load, config, sentence):
    with pytest.raises(ConfigError, match=sentence):
        load(config)


def test_an_unknown_name_of_a_database_is_told_with_the_nearest(load):
    config = with_database(hots=["a"], read_timout=5)
    config["databases"]["sage"] = {"kwargs": {"host": "h", "ssl": {"veryfy": False}}, "hsots": []}

    with pytest.raises(ConfigError) as error:
        load(config)

    for part in (
        "databases.pipeline.kwargs.hots (did you mean hosts?)",
        "databases.pipeline.kwargs.read_timout (did you mean read_timeout?)",
        "databases.sage.hsots (did you mean hosts?)",
        "databases.sage.kwargs.ssl.veryfy (did you mean verify?)",
    ):
        assert part in str(error.value)


def test_the_hosts_of_a_database_are_used_in_their_order(load):
    hosts = ["db1.example", "db2.example:3307", "[fd00::1]:3308", "fd00::2"]
    entry = {"hosts": hosts, "kwargs": {"host": "", "port": 3310, "read_timeout": 7}}

    place = load({"databases": {"pipeline": entry}}).pipeline_database

    assert place.hosts == (
        ("db1.example", 3310), ("db2.example", 3307), ("fd00::1", 3308), ("fd00::2", 3310),
    )  # fmt: skip
    assert [str(host) for host in place.hosts[1:3]] == ["db2.example:3307", "[fd00::1]:3308"]
    assert (place.connect_timeout, place.read_timeout, place.statement_timeout) == (3, 7, 600)
    assert load({"databases": {"pipeline": entry}}).sage_database.hosts == place.hosts


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"hosts": "db1.example"}, "hosts must be a list"),
        ({"hosts": ["db1.example:x"]}, "must be a whole number from 1 to 65535"),
        ({"hosts": ["db1", "db1:3306"]}, "names a host twice"),
        ({"hosts": ["db1"], "host": "db2"}, "exclude each other"),
        ({"host": "db1,db2"}, "name several in databases.pipeline.hosts"),
        ({"host": "db1", "connect_timeout": 0}, "connect_timeout must be a whole number from 1"),
        ({"host": "db1", "ssl": "yes"}, "ssl must be true, false or an object"),
        ({"host": "db1", "ssl": {"ca": "/no/such.pem"}}, "/no/such.pem: No such file"),
        ({"unix_socket": "/s", "ssl": True}, "ssl needs a host"),
    ],
)
def test_what_is_wrong_with_a_database_is_told(load, changes, sentence):
    with pytest.raises(ConfigError, match=sentence):
        load({"databases": {"pipeline": {"kwargs": changes}}})


def test_tls_has_its_files_from_the_checkout_and_verifies(load):
    options = load(with_database(ssl=True))

    assert options.pipeline_database.tls.verify is True
    context = options.pipeline_database.connect_args()["ssl"]
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    context = load(with_database(ssl={"verify": False})).pipeline_database.connect_args()["ssl"]
    assert (context.check_hostname, context.verify_mode) == (False, ssl.CERT_NONE)


def test_the_functions_of_script_steps_are_names(load):
    config = with_database() | {"pipeline": {"step_functions": ["tools.clean", "_x1"]}}
    assert load(config).options.step_functions == ("tools.clean", "_x1")

    for wrong in ("two words", "1st", ""):
        with pytest.raises(ConfigError, match=r"step_functions.*is not the name of a function"):
            load(with_database() | {"pipeline": {"step_functions": [wrong]}})
    with pytest.raises(ConfigError, match="step_functions must be"):
        load(with_database() | {"pipeline": {"step_functions": "tools.clean"}})


def test_without_a_host_and_an_embedded_database_the_way_out_is_told(load):
    with pytest.raises(ConfigError, match=r"start\.sh"):
        load({})


def test_the_environment_overrides_the_file(load):
    options = load(
        with_database(password="file"),
        PIPELINE_PORT="9999",
        PIPELINE_DB_PASSWORD="env",
        SAGE_RBAC_DB="other_sage",
    )

    assert options.port == 9999
    assert options.pipeline_database.password == "env"
    assert options.sage_database.name == "other_sage"
    assert options.sage_database.host == "db.example"


def test_a_password_as_dbpassword_prints_it_is_opened(load):
    ciphertext = aes_encode_b64("key-of-this-installation", "the password")

    options = load(
        with_database(password=ciphertext) | {"password_key": "key-of-this-installation"}
    )

    assert options.pipeline_database.password == "the password"


def test_a_password_sealed_with_another_key_is_told(load):
    ciphertext = aes_encode_b64("another key", "the password")

    with pytest.raises(ConfigError, match="password_key does not open it"):
        load(with_database(password=ciphertext) | {"password_key": "key"})


def test_a_plain_password_that_looks_like_base64_stays_plain(load):
    assert load(with_database(password="abcd")).pipeline_database.password == "abcd"


def test_sage_may_have_an_entry_of_its_own(load):
    config = with_database()
    config["databases"]["sage2"] = {"kwargs": {"host": "sage.example", "db": "rbac", "user": "u"}}

    options = load(config, SAGE_RBAC_DB="sage2")

    assert (options.sage_database.host, options.sage_database.name) == ("sage.example", "rbac")
    assert options.pipeline_database.host == "db.example"


def test_the_public_name_is_spelt_as_it_goes_over_the_wire(load):
    config = load(with_database() | {"pipeline": {"public_url": "https://产线.example:8443"}})

    assert config.public_origin == ("https", "xn--wlq758i.example", 8443)
    assert config.is_https


# What is this installation's own


def test_local_settings_are_laid_over_those_of_the_repository(load, tmp_path: Path):
    (tmp_path / "local.json").write_text(
        json.dumps(with_database(db="mine") | {"pipeline": {"allowed_hosts": ["a.example"]}})
    )

    config = load(
        with_database(user="others", db="theirs")
        | {"website": {"port": 9191}, "pipeline": {"allowed_hosts": ["x"], "pool_size": 7}}
    )

    assert config.port == 9191
    assert (config.pipeline_database.user, config.pipeline_database.name) == ("others", "mine")
    assert (config.options.allowed_hosts, config.options.pool_size) == (("a.example",), 7)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"pipeline": {"pol_size": 3}}', "unknown setting pipeline.pol_size"),
        ('{"pipeline": }', "local.json is not valid JSON: line 1"),
        ("[]", "local.json must hold a JSON object"),
    ],
)
def test_a_fault_in_the_local_settings_is_told(load, tmp_path: Path, text: str, sentence: str):
    (tmp_path / "local.json").write_text(text)

    with pytest.raises(ConfigError, match=sentence) as error:
        load(with_database())

    assert "local.json" in str(error.value)
