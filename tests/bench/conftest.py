"""The command line in this process, as the tests of the commands have it."""

from cli.conftest import cli as cli
