"""The command line `pipeline-client`."""
