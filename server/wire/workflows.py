"""Workflows and what they are made of, as Immich shows them; pure."""

from __future__ import annotations

from typing import Any

from server.wire import iso
from sql import reads
from sync import plugins
from sync.plugins import Method, Template


def show_plugin() -> dict[str, Any]:
    """PluginResponseDto of the only plugin there is."""
    return {
        "id": plugins.ID,
        "name": plugins.NAME,
        "title": plugins.TITLE,
        "description": plugins.DESCRIPTION,
        "author": plugins.AUTHOR,
        "version": plugins.VERSION,
        "createdAt": plugins.SINCE,
        "updatedAt": plugins.SINCE,
        "methods": [show_method(method) for method in plugins.METHODS],
    }


def show_method(method: Method) -> dict[str, Any]:
    """PluginMethodResponseDto."""
    return {
        "key": method.key,
        "name": method.name,
        "title": method.title,
        "description": method.description,
        "types": list(plugins.TYPES),
        "schema": method.schema,
        "hostFunctions": method.has_host_functions,
        "uiHints": ["Filter"] if method.is_filter else [],
    }


def show_template(template: Template) -> dict[str, Any]:
    """PluginTemplateResponseDto."""
    return {
        "key": f"{plugins.NAME}#{template.key}",
        "title": template.title,
        "description": template.description,
        "trigger": template.trigger,
        "steps": [{"method": step.method, "config": step.config} for step in template.steps],
        "uiHints": ["SmartAlbum"],
    }


def show_workflow(row: reads.workflows.list_workflows_row) -> dict[str, Any]:
    """WorkflowResponseDto."""
    return {
        "id": row["id"],
        **show_shared(row),
        "enabled": row["is_enabled"],
        "logging": row["is_logging"],
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
    }


def show_shared(row: reads.workflows.list_workflows_row) -> dict[str, Any]:
    """WorkflowShareResponseDto: what somebody else can make the same of."""
    return {
        "name": row["name"],
        "description": row["description"],
        "trigger": row["trigger"],
        "steps": row["steps"],
    }


def show_log(row: reads.workflows.list_logs_row) -> dict[str, Any]:
    """WorkflowLogEntryDto. The last step is only told of a run that did not take them all."""
    shown = {
        "id": row["id"],
        "at": iso(row["at"]),
        "result": row["result"],
        "triggerDataId": row["asset_id"],
    }
    if row["step_index"] is not None:
        shown["lastStep"] = {"index": row["step_index"], "method": row["step_method"]}
    return shown
