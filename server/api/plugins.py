"""/plugins: what the steps of workflows can be. There is one plugin, and it is built in."""

from __future__ import annotations

from typing import Any

from server.body import Body, Id
from server.endpoint import Call, endpoint
from server.wire import Json
from server.wire.workflows import show_method, show_plugin, show_template
from sync import plugins
from sync.errors import NoAccess
from sync.operations.workflows import Trigger
from sync.plugins import Type


class PluginSearch(Body):
    id: Id | None = None
    name: str | None = None
    title: str | None = None
    description: str | None = None
    version: str | None = None
    enabled: bool | None = None


class MethodSearch(Body):
    id: Id | None = None
    name: str | None = None
    title: str | None = None
    description: str | None = None
    enabled: bool | None = None
    plugin_name: str | None = None
    plugin_version: str | None = None
    trigger: Trigger | None = None  # each gives what every step takes
    type: Type | None = None


@endpoint("GET", "/plugins", permission="plugin.read", query=PluginSearch)
async def search_plugins(call: Call) -> Json:
    asked, plugin = call.query, show_plugin()
    wanted = {
        "id": str(asked.id) if asked.id else None,
        "name": asked.name,
        "title": asked.title,
        "description": asked.description,
        "version": asked.version,
    }
    return [plugin] if _is_such(plugin, wanted) and asked.enabled is not False else []


@endpoint("GET", "/plugins/methods", permission="plugin.read", query=MethodSearch)
async def search_plugin_methods(call: Call) -> Json:
    asked = call.query
    of_plugin = {"name": asked.plugin_name, "version": asked.plugin_version}
    # Methods have no ids of their own here: nothing has the one asked for.
    if asked.id or asked.enabled is False or not _is_such(show_plugin(), of_plugin):
        return []
    wanted = {"name": asked.name, "title": asked.title, "description": asked.description}
    shown = map(show_method, plugins.METHODS)
    return [method for method in shown if _is_such(method, wanted)]


@endpoint("GET", "/plugins/templates", permission="plugin.read")
async def search_plugin_templates(call: Call) -> Json:
    return [show_template(template) for template in plugins.TEMPLATES]


@endpoint("GET", "/plugins/{id}", permission="plugin.read")
async def get_plugin(call: Call) -> Json:
    if str(call.ids["id"]) != plugins.ID:
        raise NoAccess("plugin.read")
    return show_plugin()


def _is_such(shown: dict[str, Any], wanted: dict[str, str | None]) -> bool:
    return all(value is None or shown[name] == value for name, value in wanted.items())
