"""The distributor API: one function a call, and what comes in and goes out."""
