"""/plugins: the steps that are built in, listed as Immich lists a plugin's."""

from __future__ import annotations

from uuid import uuid4

import msgspec
import pytest

from sync import plugins, steps


async def test_the_only_plugin_is_built_in(alice):
    (plugin,) = (await alice.get("/api/plugins")).json

    assert plugin["name"] == "immich-plugin-core"
    assert (await alice.get(f"/api/plugins/{plugin['id']}")).json == plugin
    assert (await alice.get("/api/plugins/methods")).json == plugin["methods"]
    missing = await alice.get(f"/api/plugins/{uuid4()}")
    assert (missing.status, missing.message) == (400, "Not found or no plugin.read access")


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"name": "immich-plugin-core"}, 1),
        ({"name": "other"}, 0),
        ({"id": plugins.ID, "enabled": "true", "version": plugins.VERSION}, 1),
        ({"id": str(uuid4())}, 0),
        ({"enabled": "false"}, 0),
    ],
)
async def test_plugins_are_found(alice, query, count):
    assert len((await alice.get("/api/plugins", **query)).json) == count


async def test_methods_are_found(alice):
    async def keys(**query):
        answer = await alice.get("/api/plugins/methods", **query)
        assert answer.status == 200, answer.data
        return [method["key"] for method in answer.json]

    everything = await keys()
    assert "immich-plugin-core#assetFileFilter" in everything
    assert await keys(name="assetArchive") == ["immich-plugin-core#assetArchive"]
    assert await keys(trigger="AssetTagged", type="AssetV1") == everything
    assert await keys(pluginName="immich-plugin-core") == everything
    assert await keys(pluginName="other") == []
    assert await keys(enabled="false") == []
    assert (await alice.get("/api/plugins/methods", trigger="Never")).status == 400


async def test_filters_say_that_they_are(alice):
    methods = (await alice.get("/api/plugins/methods")).json
    filters = {method["name"] for method in methods if method["uiHints"] == ["Filter"]}

    assert filters == set(steps.FILTERS)


async def test_every_template_can_be_made_a_workflow(alice):
    templates = (await alice.get("/api/plugins/templates")).json

    assert len(templates) == 3
    for template in templates:
        body = {"trigger": template["trigger"], "steps": template["steps"]}
        answer = await alice.post("/api/workflows", body)
        assert answer.status == 201, answer.data


@pytest.mark.parametrize("path", ["", "/methods", "/templates", f"/{plugins.ID}"])
async def test_who_may_look(alice, anonymous, new_key, path):
    narrow = await new_key(alice, "workflow.read")
    wide = await new_key(alice, "plugin.read")

    assert (await anonymous.get(f"/api/plugins{path}")).status == 401
    assert (await narrow.get(f"/api/plugins{path}")).status == 403
    assert (await wide.get(f"/api/plugins{path}")).status == 200


@pytest.mark.parametrize("method", plugins.METHODS, ids=lambda method: method.name)
def test_what_is_shown_of_a_config_is_what_is_asked_of_it(method):
    fields = msgspec.structs.fields(steps.CONFIGS[method.name])

    assert set(method.schema["properties"]) == {field.encode_name for field in fields}
    required = {field.encode_name for field in fields if field.required}
    assert set(method.schema.get("required", [])) == required
