"""Requests and answers: who calls, what a body holds, how an answer is written."""
