"""The embedded database for tests: a kill of its process loses nothing, a power cut might."""

from pathlib import Path

from app.runtime.embedded_db import EmbeddedDatabase

# Where a disk takes 8 ms to say that it has a commit, the tests would wait for it half of their
# time. What is acknowledged is in the kernel's hands still, so a killed server recovers as ever.
# Pages are still written twice: a kill may cut a page in two.
_LINES = ("", "innodb_flush_method = nosync", "debug-no-sync", "")


class QuickDatabase(EmbeddedDatabase):
    """A server that never waits for the disk."""

    def _write_configuration(self, socket_path: Path, port: int) -> None:
        super()._write_configuration(socket_path, port)
        with self._configuration.open("a") as file:
            file.write("\n".join(_LINES))
