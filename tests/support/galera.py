"""
A Galera cluster on this machine: several MariaDB servers that replicate to one another, each with
an installation of the application of its own.

The first node's data are made as every test's, by the embedded database, and copied: so no node
needs the whole state from another one, for which Debian has the tools in packages that start a
server of their own.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pymysql

from app.runtime import processes
from app.runtime.embedded_db import Connection
from tests.support.installation import DIRECT, Installation
from tests.support.ports import free_port

# Debian's package galera-4 puts it there.
PROVIDERS = ("/usr/lib/galera/libgalera_smm.so", "/usr/lib/libgalera_smm.so")
START_SECONDS = 90


def provider() -> str | None:
    """The Galera library; None where it is not installed. PIPELINE_GALERA names another one."""
    names = (os.environ.get("PIPELINE_GALERA"), *PROVIDERS)
    return next((name for name in names if name and Path(name).exists()), None)


def client_of(node: "Node", api_key: str) -> httpx.Client:
    """A program of a distributor that asks this node's application."""
    headers = {"Authorization": f"Bearer {api_key}"}
    url = node.installation.base_url
    return httpx.Client(base_url=url, headers=headers, timeout=60, **DIRECT)


@dataclass
class Node:
    """One server of the cluster, and the application on it."""

    installation: Installation
    port: int
    group_port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def folder(self) -> Path:
        """Where the server has its data and its configuration."""
        return self.installation.mariadb.folder

    def status(self, name: str) -> str:
        """What the server says of itself; '' while it does not answer."""
        try:
            rows = self.installation.query("show status like %s", name)
        except pymysql.err.MySQLError:
            return ""
        return str(rows[0]["Value"]) if rows else ""

    def wait_for_row(self, table: str, **columns: str) -> None:
        """Wait until the server has a row with these values: another one's commit comes a moment
        later."""
        where = " and ".join(f"{name} = %s" for name in columns)
        text = f"select 1 as one from {table} where {where} limit 1"
        assert processes.wait_until(
            lambda: bool(self.installation.query(text, *columns.values())), 20
        ), (table, columns)

    def start(self, library: str, members: str, *more: str) -> None:
        """Start the server as one of *members*, or, where there are none yet, as the first, with
        the options *more*."""
        first = ["--wsrep-new-cluster"] if not members else []
        environment = os.environ | {
            "PATH": f"{Path(__file__).parent}:{os.environ['PATH']}",
            "PIPELINE_CLUSTER_FOLDER": str(self.installation.var_dir.parent),
        }
        self.process = subprocess.Popen(
            [*self._command(library, members), *first, *more], env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def wait(self, size: int) -> None:
        """Wait until the server takes part in a cluster of *size* nodes."""
        deadline = time.monotonic() + START_SECONDS
        while self.status("wsrep_ready") != "ON" or int(self.status("wsrep_cluster_size")) < size:
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(self.installation.mariadb.log.read_text("utf-8")[-6000:])
            time.sleep(0.2)

    def _command(self, library: str, members: str) -> list[str]:
        """Return the command of the server as one of *members*."""
        options = {
            "wsrep_on": "ON",
            "wsrep_provider": library,
            "wsrep_cluster_name": "pipeline",
            "wsrep_cluster_address": f"gcomm://{members}",
            "wsrep_node_address": f"127.0.0.1:{self.group_port}",
            "wsrep_provider_options": f"gmcast.listen_addr=tcp://127.0.0.1:{self.group_port};"
            f"ist.recv_addr=127.0.0.1:{free_port()};gcache.size=32M",
            "wsrep_sst_method": "position",  # wsrep_sst_position, beside this file
            "binlog_format": "ROW",
            "innodb_autoinc_lock_mode": "2",
            "innodb_buffer_pool_size": "64M",
            "port": str(self.port),
            "log_bin_trust_function_creators": "1",
        }
        server = shutil.which("mariadbd", path=os.environ["PATH"] + ":/usr/sbin")
        assert server is not None
        user = ["--user=root"] if os.geteuid() == 0 else []
        arguments = [f"--{name}={value}" for name, value in options.items()]
        return [server, f"--defaults-file={self.folder / 'node.cnf'}", *user, *arguments]

    def name_hosts(self, hosts: "list[Node]", database: str = "pipeline") -> None:
        """Let the application know the servers of *hosts*, in this order, instead of its own; from
        its next start."""
        place = self.installation.mariadb.connection()
        assert isinstance(place, Connection)
        file = self.installation.var_dir / "config.json"
        config = json.loads(file.read_text("utf-8"))
        config["databases"] = {
            "pipeline": {
                "hosts": [f"127.0.0.1:{host.port}" for host in hosts],
                "kwargs": {"user": place.user, "db": database},
            }
        }
        file.write_text(json.dumps(config), "utf-8")
        self.installation.extra_env["PIPELINE_DB_PASSWORD"] = place.password

    def signal(self, number: int) -> None:
        """Send the server a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """End the server at once, as a crash does."""
        assert self.process is not None
        self.signal(signal.SIGKILL)
        self.process.wait(30)

    def start_again(self, library: str, others: "list[Node]") -> None:
        """Start the killed server again: from where its data stand, as Debian's start script finds
        out, what is missing comes from *others*."""
        log = self.folder / "recovery.log"
        log.unlink(missing_ok=True)
        command = [*self._command(library, ""), "--wsrep-recover", f"--log-error={log}"]
        subprocess.run(command, check=False, timeout=60, capture_output=True)
        positions = re.findall(r"Recovered position:\s*(\S+)", log.read_text("utf-8"))
        assert positions, log.read_text("utf-8")[-2000:]
        members = ",".join(f"127.0.0.1:{other.group_port}" for other in others)
        self.start(library, members, f"--wsrep_start_position={positions[-1]}")

    def stop(self) -> None:
        """End the application's workers and the server."""
        self.installation.stop()
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
            self.process = None


@contextmanager
def cluster(folder: Path, library: str, size: int = 3) -> Iterator[list[Node]]:
    """A cluster of *size* nodes with fresh databases in *folder*."""
    nodes = [
        Node(Installation(folder / f"n{number}"), free_port(), free_port())
        for number in range(1, size + 1)
    ]
    try:
        _make_data(nodes, library)
        for number, node in enumerate(nodes, 1):
            members = [f"127.0.0.1:{other.group_port}" for other in nodes[: number - 1]]
            node.start(library, ",".join(members))
            node.wait(number)
        yield nodes
    finally:
        for node in reversed(nodes):
            node.stop()


def _make_data(nodes: list[Node], library: str) -> None:
    """Make the data once, as part of a cluster, and copy them to the other nodes."""
    first, *others = nodes
    mariadb = first.installation.mariadb
    mariadb.start()
    first.installation.make_databases()
    mariadb.stop()
    for node in others:
        shutil.copytree(first.folder, node.folder)
        # Hosts of one installation have the same secrets: what one seals, another opens.
        secrets = node.installation.var_dir / "secrets"
        shutil.copytree(first.installation.var_dir / "secrets", secrets, dirs_exist_ok=True)
    for node in nodes:
        _configure(node, first)
    first.start(library, "")
    first.wait(1)
    first.stop()
    for node in others:
        shutil.rmtree(node.folder / "data")
        shutil.copytree(first.folder / "data", node.folder / "data")
        for name in ("galera.cache", "gvwstate.dat"):
            (node.folder / "data" / name).unlink(missing_ok=True)


def _configure(node: Node, first: Node) -> None:
    """Write the server's configuration, and how the application reaches it."""
    text = (node.folder / "mariadbd.cnf").read_text("utf-8")
    text = text.replace(str(first.installation.var_dir), str(node.installation.var_dir))
    # What it does is done, and in a cluster it would be done again by each.
    rows = [row for row in text.splitlines() if not row.startswith("init-file")]
    (node.folder / "node.cnf").write_text("\n".join(rows), "utf-8")
    place = first.installation.mariadb.connection()
    assert isinstance(place, Connection)
    socket = place.unix_socket.replace(
        str(first.installation.var_dir), str(node.installation.var_dir)
    )
    file = node.folder / "connection.json"
    values = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(values | {"unix_socket": socket, "port": node.port}), "utf-8")
