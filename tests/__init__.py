"""Tests: unit, http, browser, attack, fault and ops, run by `bash tests/run.sh`."""
