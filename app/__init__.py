"""The host of Pipeline-App: what the three modules stand on."""
