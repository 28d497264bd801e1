"""The OpenAPI description of what is asked over plain HTTP. Sockets are described in docs/wire.md."""

from __future__ import annotations

from typing import Any

import isotherm
from isotherm.core.layers import ALL_DEVICES, DEVICES, KINDS
from isotherm.core.rules import METRICS
from isotherm.history.keeper import PAGES_MAX

__all__ = ["openapi"]

_ERROR = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
_PAST = {"404": "This server keeps no history", "503": "The history can't be read"}
_STRING, _INTEGER, _NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}


def openapi() -> dict[str, Any]:
    """The document that `/api/openapi.json` serves."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Isotherm", "version": isotherm.__version__, "license": {"name": "Apache-2.0"}},
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "isotherm"},
            },
            "schemas": {
                "Error": _ERROR, "Heatmap": _heatmap(), "Pages": _pages(), "PagesPast": _pages_past(), "Zones": _zones(), "Event": _event(),
                "Exposure": _exposure(),
                "Topics": _topics(), "Steps": _steps(), "HistoryAbout": _about_history(), "Rule": _rule(), "Reaction": _reaction(),
            },
        },
        "security": [{"bearer": []}, {"cookie": []}],
        "paths": {
            "/clickstream": {"post": _beacon()},
            "/api/heatmap": {"get": _heatmap_of_a_range()},
            "/api/heatmap/steps": {"get": _get("A range in equal parts", "Steps", _steps_parameters(), _PAST)},
            "/api/history": {"get": _get("Since when a page has a history, and what is kept", "HistoryAbout", _view_parameters(), _PAST)},
            "/api/pages": {"get": _pages_answer()},
            "/api/zones/drawn": _drawn_zones(),
            "/api/exposure": {"get": _exposure_of_a_page()},
            "/api/zones": {
                "get": _get("A page's zones, hottest first", "Zones", _zone_parameters(), _PAST)
            },
            "/api/zones/usual": {
                "get": _operation(
                    "The last sixty minutes beside the same time of seven days", _usual(), {"422": "No such page"} | _PAST, _page()
                )
            },
            "/api/topics": {"get": _get("The topics with their rates", "Topics", [], {})},
            **_reactions_paths(),
            "/api/overlay-token": {"post": _overlay_token()},
            "/metrics": {"get": _text("Metrics in Prometheus' text format")},
            "/healthz": {
                "get": {
                    "summary": "Whether events are taken",
                    "security": [],
                    "responses": {"200": _answer("It takes events", {"type": "object"}), "503": _answer("It does not", {"type": "object"})},
                }
            },
        },
    }


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _get(summary: str, schema: str, parameters: list[dict[str, Any]], more: dict[str, str]) -> dict[str, Any]:
    responses = {"200": _answer(summary, _reference(schema)), "401": _answer("No viewer token", _reference("Error"))}
    if parameters:
        responses["422"] = _answer("A parameter is wrong", _reference("Error"))
    responses |= {status: _answer(description, _reference("Error")) for status, description in more.items()}
    return {"summary": summary, "parameters": parameters, "responses": responses}


def _text(summary: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "responses": {
            "200": {"description": summary, "content": {"text/plain": {"schema": _STRING}}},
            "401": _answer("No viewer token", _reference("Error")),
        },
    }


def _query(name: str, schema: dict[str, Any], description: str, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "description": description, "schema": schema}


def _steps_parameters() -> list[dict[str, Any]]:
    step = {"type": "string", "pattern": "^[0-9]{1,6}[mhd]$", "default": "5m"}
    return [*_view_parameters(), *_range_parameters(), _query("step", step, "Length of a part: a number of minutes, hours or days")]


def _view_parameters() -> list[dict[str, Any]]:
    return [
        _query("page", {"type": "string", "pattern": "^/"}, "The page's path", required=True),
        _query("site", _STRING, "The site's key; left out, the default site"),
        _query("kind", {"type": "string", "enum": list(KINDS)}, "Kind of sample"),
        _query("device", {"type": "string", "enum": [ALL_DEVICES, *DEVICES]}, "Device class"),
    ]


def _range_parameters() -> list[dict[str, Any]]:
    time = "ms since the epoch, or ISO 8601 (without a zone: UTC)"
    return [
        _query("from", _STRING, f"Beginning of a range: {time}. Left out beside `to`: since there is anything"),
        _query("to", _STRING, f"End of a range: {time}. Left out beside `from`: now"),
    ]


def _heatmap_of_a_range() -> dict[str, Any]:
    """The live window or a range; the range is widened to what is stored, as `start` and `end` tell."""
    parameters = [
        *_view_parameters(),
        *_range_parameters(),
        _query("format", {"type": "string", "enum": ["json", "csv", "png"]}, "csv: a row a tile; png: the whole page with a legend"),
        _query("people", {"type": "string", "enum": ["0", "1"]}, "1: distinct sessions beside the counts"),
    ]
    answer = _get("The last emitted window; with `from` or `to` that range, widened to what is stored", "Heatmap", parameters, _PAST)
    picture = {"type": "string", "format": "binary"}
    answer["responses"]["200"]["content"] |= {"text/csv": {"schema": _STRING}, "image/png": {"schema": picture}}
    return answer


def _pages_answer() -> dict[str, Any]:
    """The live pages; of a range those with most samples."""
    most = {"type": "integer", "minimum": 1, "maximum": PAGES_MAX, "default": 60}
    parameters = [
        *_range_parameters(),
        _query("limit", most, "Of a range: so many pages"),
        _query("search", _STRING, "Of a range: only pages that have all these words in site or path"),
        _query("pictures", {"type": "string", "enum": ["0", "1"]}, "1: of a range, a small picture of each page"),
    ]
    answer = _get("The live pages, hottest first; with `from` the pages of that range", "Pages", parameters, _PAST)
    answer["responses"]["200"]["content"]["application/json"]["schema"] = {
        "anyOf": [{"$ref": "#/components/schemas/Pages"}, {"$ref": "#/components/schemas/PagesPast"}]
    }
    return answer


def _pages_past() -> dict[str, Any]:
    people = {"type": ["integer", "null"], "description": "null: fewer than --min-people"}
    levels = {"type": "string", "description": "A packed column: 0 to 255, relative to the hottest, row by row"}
    picture = {"type": "object", "properties": {"grid": _INTEGER, "levels": levels}, "required": ["grid", "levels"]}
    fields = {"site": _STRING, "path": _STRING, "samples": _INTEGER, "people": people}
    page = {"type": "object", "properties": {**fields, "picture": picture}, "required": list(fields)}
    known = {"type": "integer", "description": "How many pages there are in all"}
    table = {"start": _INTEGER, "end": _INTEGER, "known": known, "pages": {"type": "array", "items": page}}
    return {"type": "object", "properties": table, "required": list(table)}


def _page() -> list[dict[str, Any]]:
    return [parameter for parameter in _view_parameters() if parameter["name"] in ("page", "site")]


def _zone_parameters() -> list[dict[str, Any]]:
    when = "Ms since the epoch, or ISO 8601. With either: the past"
    return [*_page(), _query("from", _STRING, when), _query("to", _STRING, when)]


def _exposure_of_a_page() -> dict[str, Any]:
    parameters = [*(one for one in _view_parameters() if one["name"] != "kind"), *_range_parameters()]
    parameters.append(_query("format", {"type": "string", "enum": ["json", "csv"], "default": "json"}, "Form of the answer"))
    answer = _get("How long each band of a page was in view, and by how many", "Exposure", parameters, _PAST)
    answer["responses"]["200"]["content"] |= {"text/csv": {"schema": _STRING}}
    return answer


def _exposure() -> dict[str, Any]:
    few = "null: fewer than --min-people"
    number, whole = ({"type": [name, "null"], "description": few} for name in ("number", "integer"))
    band = {"type": "object", "properties": {"seconds": number, "people": whole, "share": number}}
    fold = {"type": ["number", "null"], "description": "Where the first screen ends, a part of the page's height"}
    fields = {"start": _INTEGER, "end": _INTEGER, "people": whole, "grid-size": _INTEGER, "fold": fold, "hidden-bands": _INTEGER}
    return {"type": "object", "properties": fields | {"bands": {"type": "array", "items": band}}}


def _usual() -> dict[str, Any]:
    times = {"type": ["number", "null"], "description": "null: there was nothing before"}
    numbers = {"now": _INTEGER, "usual": _NUMBER, "most": _NUMBER, "times": times}
    fields = {"zone": _STRING, **numbers, "hotter": {"type": "boolean"}}
    zone = {"type": "object", "properties": fields, "required": list(fields)}
    zones = {"type": ["array", "null"], "items": zone, "description": "null: there is no week of history yet"}
    return {"type": "object", "properties": {"at": _INTEGER, "zones": zones}, "required": ["at", "zones"]}


def _zones() -> dict[str, Any]:
    whole = dict.fromkeys(("samples", "people", "clicks", "rage", "dead"), _INTEGER)
    fields = {"zone": _STRING, "share": _NUMBER, **whole, "trend": _NUMBER}
    zone = {"type": "object", "properties": fields, "required": list(fields)}
    people = {"type": ["integer", "null"], "description": "null: fewer than --min-people"}
    hidden = {"type": "integer", "description": "Zones left out because fewer than --min-people were on them"}
    table = {"start": _INTEGER, "end": _INTEGER, "people": people, "zones": {"type": "array", "items": zone}, "hidden-zones": hidden}
    return {"type": "object", "properties": table, "required": list(table)}


def _drawn_zones() -> dict[str, Any]:
    site = _query("site", _STRING, "The site's key; left out, the default site")
    fields = {
        "name": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[^\\x00-\\x1f\\x7f]*$"},
        "page": {"type": "string", "description": "A path; empty: every page"},
        "anchors": {"type": "array", "minItems": 1, "maxItems": 100, "items": {"type": "string", "minLength": 1}},
    }
    zone = {"type": "object", "properties": fields, "required": ["name", "anchors"]}
    unknown = {"404": "No such site, or no such zone"}
    changed = unknown | {"422": "It can be no zone, or there are too many", "503": "It can't be kept now"}
    named = [site, _query("name", _STRING, "Its name", required=True), _query("page", _STRING, "Its page")]
    return {
        "get": _operation("The zones that were drawn on a site", _list_of("zones", zone), unknown, [site]),
        "put": _operation("Make or replace one", _list_of("zones", zone), changed, [site], zone),
        "delete": _operation("Take one away", _list_of("zones", zone), unknown | {"503": changed["503"]}, named),
    }


def _beacon() -> dict[str, Any]:
    refused = {"403": "Foreign origin or unknown site", "408": "The body did not come in time", "413": "Body too large",
               "422": "Not valid; nothing of it was taken", "429": "Too fast", "503": "Can't take events now"}  # fmt: skip
    return {
        "summary": "Send one event, an array of events, or a batch",
        "security": [],
        "parameters": [_query("site", _STRING, "The site's key; left out, the default site")],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"anyOf": [
                _reference("Event"),
                {"type": "array", "minItems": 1, "maxItems": 1000, "items": _reference("Event")},
            ]}}},
        },
        "responses": {"202": {"description": "All of it is durable"}}
        | {status: _answer(description, _reference("Error")) for status, description in refused.items()},
    }  # fmt: skip


def _reactions_paths() -> dict[str, Any]:
    """Rules and what fired."""
    fired = _list_of("fired", _reference("Reaction"))
    values = {"type": "array", "items": {"type": ["number", "null"]}, "maxItems": 120}
    run = {"since": _INTEGER, "until": _INTEGER, "every": _INTEGER, **fired["properties"], "values": values}
    since = {"type": "object", "properties": run, "required": list(run)}
    about = {"name": _STRING, "host": _STRING, "rules": {"type": "array", "items": _STRING}, "waiting": _INTEGER}
    state = {"disabled": {"type": ["integer", "null"]}, "newest": {"type": ["object", "null"]}}
    hook = {"type": "object", "properties": about | state, "required": [*about, *state]}
    rule = _reference("Rule")
    name = _query("name", _STRING, "Its name", required=True)
    rules = _list_of("rules", rule)
    rules["properties"] |= {"may_change": {"type": "boolean"}, "metrics": {"type": "array", "items": _STRING}}
    return {
        "/api/rules": {
            "get": _operation("All rules, each with what is hot under it", rules),
            "put": _operation("Make or replace a rule", rule, _CHANGED, body=rule),
            "delete": _operation("Take a rule away", None, {"404": "No such rule was made here", "503": _CHANGED["503"]}, [name]),
        },
        "/api/rules/dry-run": {
            "post": _operation(
                "When a rule would have fired over what is kept, or over hours of the history", since, _CHANGED,
                [_query("hours", {"type": "integer", "minimum": 1, "maximum": 48}, "Left out: what the log keeps")], body=rule,
            ),
        },
        "/api/reactions": {"get": _reactions_as_they_come()},
        "/api/reactions/log": {"get": _operation("The newest that fired, newest first", fired)},
        "/api/webhooks": {"get": _operation("The webhooks and what waits for them", _list_of("webhooks", hook), {"503": _CHANGED["503"]})},
        "/api/webhooks/enable": {
            "post": _operation("Switch a webhook on again that answered 410", None, _CHANGED | {"404": "None of that name is off"}, [name])
        },
    }


def _reactions_as_they_come() -> dict[str, Any]:
    events = {"type": "string", "description": "event: hot or cooled; id: its number; data: a Reaction as JSON"}
    newest = {"name": "Last-Event-ID", "in": "header", "description": "What fired after that number comes first", "schema": _STRING}
    return {
        "summary": "What fires, as server-sent events: a stream that does not end",
        "parameters": [newest],
        "responses": {
            "200": {"description": "What fires", "content": {"text/event-stream": {"schema": events}}},
            "401": _answer("No viewer token", _reference("Error")),
            "422": _answer("Last-Event-ID is no number", _reference("Error")),
        },
    }


_CHANGED = {"415": "Not JSON", "422": "It can't be so", "503": "What is kept of reactions can't be read or written now"}


def _operation(
    summary: str,
    schema: dict[str, Any] | None,
    refusals: dict[str, str] | None = None,
    parameters: list[dict[str, Any]] | None = None,
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """`schema` None: it is answered by 204."""
    done = {"204": {"description": "Done"}} if schema is None else {"200": _answer(summary, schema)}
    refused = {"401": "No viewer token"} | (refusals or {})
    operation: dict[str, Any] = {
        "summary": summary,
        "parameters": parameters or [],
        "responses": done | {status: _answer(description, _reference("Error")) for status, description in refused.items()},
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation


def _list_of(name: str, item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "array", "items": item}}, "required": [name]}


def _rule() -> dict[str, Any]:
    duration = {"type": "integer", "minimum": 0, "description": "ms"}
    return {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 64},
            "page": {"type": "string", "pattern": "^/"},
            "metric": {"type": "string", "enum": list(METRICS)},
            "at_least": {"type": "number", "minimum": 0},
            "site": _STRING,
            "zone": {"type": ["string", "null"]},
            "release": {"type": ["number", "null"]},
            "hold_ms": duration,
            "people": {"type": "integer", "minimum": 0},
            "cooldown_ms": duration,
            "in_page": {"type": "boolean"},
        },
        "required": ["name", "page", "metric", "at_least"],
    }


def _reaction() -> dict[str, Any]:
    fields = {"id": _STRING, "type": {"type": "string", "enum": ["hot", "cooled"]}, "at": _INTEGER, "rule": _STRING, "site": _STRING,
              "page": _STRING, "zone": {"type": ["string", "null"]}, "metric": _STRING, "value": _NUMBER, "level": _NUMBER,
              "people": _INTEGER, "why": _STRING}  # fmt: skip
    return {"type": "object", "properties": fields, "required": list(fields)}


def _overlay_token() -> dict[str, Any]:
    return {
        "summary": "A short-lived token for one site's overlay",
        "requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {"site": _STRING}}}}},
        "responses": {
            "200": _answer("The token", {"type": "object", "properties": {"token": _STRING, "expires_in_ms": _INTEGER}}),
            "401": _answer("No viewer token", _reference("Error")),
            "422": _answer("Not a JSON object with a site", _reference("Error")),
        },
    }


def _event() -> dict[str, Any]:
    above_0 = {"type": "number", "exclusiveMinimum": 0}
    size = {"type": "object", "properties": {"width": above_0, "height": above_0}, "required": ["width", "height"]}
    point = {"type": "object", "properties": {"x": _NUMBER, "y": _NUMBER}, "required": ["x", "y"]}
    return {
        "type": "object",
        "description": "The classic event",
        "properties": {
            "session_id": {"type": "string", "minLength": 1, "maxLength": 128},
            "type": _STRING,
            "relative_path": {"type": "string", "pattern": "^/", "maxLength": 2048},
            "window": size,
            "mouse-coordinates": point,
            "timestamp": _NUMBER,
        },
        "required": ["session_id", "type", "relative_path", "window", "mouse-coordinates"],
    }


def _heatmap() -> dict[str, Any]:
    counts = {"type": "object", "additionalProperties": _INTEGER}
    return {
        "type": "object",
        "properties": {
            "start": _INTEGER,
            "end": _INTEGER,
            "value": {"type": "object", "additionalProperties": counts},
            "grid-size": _INTEGER,
            "people": {
                "type": "object",
                "description": "Distinct sessions; with `people=1`",
                "properties": {
                    "total": {"type": ["integer", "null"], "description": "null: fewer than --min-people"},
                    "value": {"type": "object", "additionalProperties": counts},
                    "error": {"type": "number", "description": "Of the total, relative, one standard deviation; 0: exact"},
                },
                "required": ["total", "value", "error"],
            },
            "hidden-tiles": {"type": "integer", "description": "Tiles left out because fewer than --min-people were on them"},
        },
        "required": ["start", "end", "value", "grid-size"],
    }


def _steps() -> dict[str, Any]:
    column = {"type": "string", "description": "A packed column, see docs/wire.md"}
    step = {
        "type": "object",
        "properties": {"end": _INTEGER, "cells": column, "counts": column},
        "required": ["end", "cells", "counts"],
    }
    return {
        "type": "object",
        "properties": {
            "start": _INTEGER, "end": _INTEGER, "step": _INTEGER, "grid-size": _INTEGER, "steps": {"type": "array", "items": step},
        },
        "required": ["start", "end", "step", "grid-size", "steps"],
    }  # fmt: skip


def _about_history() -> dict[str, Any]:
    kept = {"type": "object", "properties": {"minutes": _INTEGER, "hours": _INTEGER, "days": _INTEGER}}
    return {
        "type": "object",
        "properties": {"now": _INTEGER, "first": {"type": ["integer", "null"]}, "kept": kept, "people-min": _INTEGER},
        "required": ["now", "first", "kept", "people-min"],
    }


def _pages() -> dict[str, Any]:
    page = {
        "type": "object",
        "properties": {
            "site": _STRING,
            "path": _STRING,
            "origin": {"type": ["string", "null"]},
            "origin_confirmed": {"type": "boolean"},
            "visitors": _INTEGER,
            "samples_per_second": _NUMBER,
            "samples": _INTEGER,
            "quiet_ms": {"type": ["integer", "null"]},
        },
        "required": ["site", "path", "origin", "origin_confirmed", "visitors", "samples_per_second", "samples", "quiet_ms"],
    }
    return {"type": "object", "properties": {"at": _INTEGER, "pages": {"type": "array", "items": page}}, "required": ["at", "pages"]}


def _topics() -> dict[str, Any]:
    topic = {
        "type": "object",
        "properties": {
            "name": _STRING,
            "partitions": _INTEGER,
            "messages": _INTEGER,
            "messages_per_second": _NUMBER,
            "bytes_per_second": {"type": ["number", "null"]},
            "newest_ms": {"type": ["integer", "null"]},
            "lag": {"type": ["integer", "null"]},
        },
    }
    return {"type": "object", "properties": {"topics": {"type": "array", "items": topic}}, "required": ["topics"]}
