"""Answers of the layers in front of an API server: Google's frontend, proxies, load balancers and firewalls."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from job.simulator.answers import Answer
from job.simulator.faults import Fault

_HTML, _TEXT = "text/html; charset=UTF-8", "text/plain"
_CODES = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}


def in_front(fault: Fault, authorization: str) -> Answer:
    """The answer in the fault's form."""
    code, form = int(fault.options.get("code", 403)), str(fault.options.get("form", "text"))
    phrase = HTTPStatus(code).phrase
    said = f"{phrase} by policy" + (f": Authorization: {authorization}" if fault.options.get("echo") else "")
    if form == "google_page":
        return Answer(code, _google_page(code, phrase).encode(), _HTML)
    if form == "google_json":
        body = json.dumps({"error": _google_error(code, fault.options)}, indent=2)
        return Answer(code, body.encode(), "application/json; charset=UTF-8")
    if form == "page":
        page = f"<!doctype html>\n<HTML><head><TITLE>{said}</TITLE></head><body><h1>{code}</h1></body></HTML>"
        return Answer(code, page.encode(), _HTML)
    if form == "json":
        return Answer(code, json.dumps({"code": code, "message": said}).encode(), "application/json")
    return Answer(code, f"{said}\n".encode(), _TEXT)


def _google_page(code: int, phrase: str) -> str:
    """As Google's frontend sends it, shortened."""
    return (
        "<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n"
        f"  <title>Error {code} ({phrase})!!1</title>\n  <style>*{{margin:0;padding:0}}</style>\n"
        "  <a href=//www.google.com/><span id=logo aria-label=Google></span></a>\n"
        f"  <p><b>{code}.</b> <ins>That’s an error.</ins>\n"  # noqa: RUF001 (Google's apostrophe)
        "  <p>Your client does not have permission to get URL <code>/version</code> from this server.  "
        "<ins>That’s all we know.</ins>\n"  # noqa: RUF001
    )


def _google_error(code: int, options: dict[str, Any]) -> dict[str, Any]:
    """https://google.aip.dev/193"""
    status = _CODES.get(code, "UNAVAILABLE")
    error: dict[str, Any] = {"code": code, "message": str(options.get("message", "")), "status": status, "details": []}
    permission, consumer = options.get("permission"), options.get("consumer")
    if permission:
        error["message"] = f"Permission '{permission}' denied on resource (or it may not exist)."
    elif consumer:
        project = str(consumer).replace("projects/", "project ")
        error["message"] = f"Kubernetes Engine API has not been used in {project} before or it is disabled."
    if reason := options.get("reason"):
        named = {"permission": permission, "consumer": consumer, "service": "container.googleapis.com"}
        error["details"].append(
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": reason,
                "domain": "googleapis.com",
                "metadata": {key: value for key, value in named.items() if value},
            }
        )
    if delay := options.get("retry_delay"):
        error["details"].append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{delay}s"})
    return error
