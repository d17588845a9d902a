"""What a wrong request is told: every mistake, in Immich's shape."""

from __future__ import annotations

import pytest

from server.body import UUID_V4

LOGIN = "/api/auth/login"
SIGN_UP = "/api/auth/admin-sign-up"
CHANGE_PASSWORD = "/api/auth/change-password"


def wrong_type(path, expected, received):
    return {
        "code": "invalid_type",
        "expected": expected,
        "path": path,
        "message": f"Invalid input: expected {expected}, received {received}",
    }


async def refuse(client, method, path, body):
    """The issues of a body that is refused."""
    answer = await client.call(method, path, json=body)
    assert answer.status == 400, answer.data
    assert answer.headers["Content-Type"].startswith("application/json")
    assert set(answer.json) == {"message", "errors"}
    assert answer.json["message"] == "Validation failed"
    return answer.json["errors"]


async def test_every_mistake_is_named(anonymous):
    issues = await refuse(anonymous, "POST", SIGN_UP, {"email": "x", "password": 1})

    assert {one["path"][0]: one for one in issues} == {
        "email": {
            "origin": "string",
            "code": "invalid_format",
            "format": "email",
            "path": ["email"],
            "message": "Invalid input: expected email, received string",
        },
        "password": wrong_type(["password"], "string", "number"),
        "name": wrong_type(["name"], "string", "undefined"),
    }


@pytest.mark.parametrize(
    ("value", "received"),
    [(None, "null"), (1, "number"), (1.5, "number"), (True, "boolean"), ([], "array"),
     ({}, "object")],
)  # fmt: skip
async def test_what_came_instead_is_named(anonymous, value, received):
    body = {"email": "a@b", "password": value}

    assert await refuse(anonymous, "POST", LOGIN, body) == [
        wrong_type(["password"], "string", received)
    ]


@pytest.mark.parametrize(("data", "received"), [
    (b"", "undefined"), (b"[]", "array"), (b"null", "null"), (b'"x"', "string"), (b"7", "number"),
])  # fmt: skip
async def test_a_body_is_an_object(anonymous, data, received):
    answer = await anonymous.call(
        "POST", LOGIN, data=data, headers={"Content-Type": "application/json"}
    )

    assert answer.status == 400
    assert answer.json["errors"] == [wrong_type([], "object", received)]


NO_JSON = [
    b"{", b'{"email": 1', b'{"email": 1}}', b"\xff", b'"\xff"', b"x=1", b"{'a': 1}", b"[" * 100_000,
    b'{"x":' + b"[" * 100_000, b'{"email": "\\ud800"}', b'{"email": NaN}', b" ",
]  # fmt: skip


async def test_what_is_no_json_is_refused(anonymous):
    for data in NO_JSON:
        answer = await anonymous.call(
            "POST", LOGIN, data=data, headers={"Content-Type": "application/json"}
        )
        assert answer.status == 400, data[:20]
        assert answer.message.startswith("The body is not JSON"), data[:20]


NO_EMAILS = [
    "", "a", "@b", "a@", "a b@c", "a@b c", "a@b\n", " a@b", "a@b..c", "a@-b", "a@b-", "a@b_c",
    "a@b.", "a@b@c", "a,b@c", 'a"@b', "a@[1]", "a@" + "b" * 64,
]  # fmt: skip
EMAILS = [
    "a@b", "admin@localhost", "A.b+c@Example.org", "o'neil@x-y.example", "jürgen@müller.de",
    "a@1", "#!$%&*/=?^_`{|}~@b", "a@" + "b" * 63,
]  # fmt: skip


async def test_what_is_no_email_is_refused(anonymous):
    for email in NO_EMAILS:
        (issue,) = await refuse(anonymous, "POST", LOGIN, {"email": email, "password": ""})
        assert (issue["code"], issue["format"]) == ("invalid_format", "email"), email
        assert issue["path"] == ["email"]


async def test_what_is_an_email_is_looked_up(anonymous):
    for email in EMAILS:
        answer = await anonymous.post(LOGIN, {"email": email, "password": ""})
        assert (answer.status, answer.message) == (401, "Incorrect email or password"), email


async def test_a_short_text_is_refused(alice):
    body = {"password": "x", "newPassword": "ä" * 7}

    assert await refuse(alice, "POST", CHANGE_PASSWORD, body) == [
        {
            "origin": "string",
            "code": "too_small",
            "minimum": 8,
            "inclusive": True,
            "path": ["newPassword"],
            "message": "Too small: expected string to have >=8 characters",
        }
    ]


async def test_a_long_list_is_refused(alice):
    assert await refuse(alice, "POST", "/api/sync/ack", {"acks": ["x"] * 1001}) == [
        {
            "origin": "array",
            "code": "too_big",
            "maximum": 1000,
            "inclusive": True,
            "path": ["acks"],
            "message": "Too big: expected array to have <=1000 items",
        }
    ]


async def test_what_is_no_option_is_refused(alice):
    body = {"albums": {"defaultAssetOrder": "up"}}

    assert await refuse(alice, "PUT", "/api/users/me/preferences", body) == [
        {
            "code": "invalid_value",
            "values": ["asc", "desc"],
            "path": ["albums", "defaultAssetOrder"],
            "message": 'Invalid option: expected one of "asc"|"desc"',
        }
    ]


@pytest.mark.parametrize(
    ("value", "code"),
    [(0, "too_small"), (-1, "too_small"), (2**53, "too_big"), (10**30, "too_big"),
     (10**400, "too_big"), (1.5, "invalid_type"), ("60", "invalid_type"), (True, "invalid_type"),
     (None, "invalid_type")],
)  # fmt: skip
async def test_a_number_has_bounds(alice, value, code):
    (issue,) = await refuse(alice, "POST", "/api/sessions", {"duration": value})

    assert (issue["code"], issue["path"]) == (code, ["duration"])


async def test_a_whole_number_may_have_a_point(alice):
    answer = await alice.call(
        "POST", "/api/sessions", data=b'{"duration": 60.0}',
        headers={"Content-Type": "application/json"},
    )  # fmt: skip

    assert answer.status == 201


NO_IDS = [
    "x", "1", "00000000-0000-0000-0000-000000000000", "01890a5d-ac96-774b-bcce-b302099a8057",
    "c0ffee00-1234-4abc-8def-0123456789a", "c0ffee0012344abc8def0123456789ab",
]  # fmt: skip


async def test_an_id_is_a_uuid_of_version_4(alice):
    for given in NO_IDS:
        answer = await alice.get(f"/api/users/{given}")
        assert answer.status == 400
        assert answer.json["errors"] == [
            {
                "origin": "string",
                "code": "invalid_format",
                "format": "uuid",
                "pattern": f"/^({UUID_V4.pattern})$/",
                "path": ["id"],
                "message": "Invalid UUID",
            }
        ]


async def test_an_id_may_be_written_in_capitals(alice):
    assert (await alice.get(f"/api/users/{alice.user['id'].upper()}")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "where"),
    [
        ("PUT", "/api/users/me", {"name": "a\0b"}, ["name"]),
        ("PUT", "/api/users/me", {"name": "x", "email": "a@b\0"}, ["email"]),
        ("POST", "/api/api-keys", {"permissions": ["all"], "name": "\0"}, ["name"]),
        ("POST", "/api/sessions", {"deviceOS": "\0"}, ["deviceOS"]),
        ("PUT", "/api/users/me/preferences", {"purchase": {"hideBuyButtonUntil": "\0"}},
         ["purchase", "hideBuyButtonUntil"]),
    ],
)  # fmt: skip
async def test_what_cannot_be_kept_is_refused(alice, method, path, body, where):
    issues = await refuse(alice, method, path, body)

    assert [one["path"] for one in issues] == [where]


async def test_text_of_any_language_is_kept(alice):
    name = "Ælfgifu 智子 \U0001f431 ‏שלום \\u0000 \n"

    assert (await alice.put("/api/users/me", {"name": name})).json["name"] == name


async def test_unknown_fields_are_ignored(anonymous, alice):
    body = {"email": alice.user["email"], "password": "wrong", "more": {"of": ["this"]}}

    assert (await anonymous.post(LOGIN, body)).status == 401
    assert (await alice.put("/api/users/me", {"name": "New", "more": None})).status == 200


async def test_who_asks_is_asked_first(anonymous):
    for path, body in ((CHANGE_PASSWORD, {}), ("/api/sessions", {"duration": "x"})):
        assert (await anonymous.post(path, body)).status == 401


async def test_errors_have_a_message_only_and_a_correlation_id(anonymous, alice):
    first, second = await alice.get("/api/users/me"), await anonymous.get("/api/users/me")
    third = await anonymous.using(**{"X-Correlation-ID": "abc-1"}).get("/api/nowhere")

    assert second.json == {"message": "Authentication required"}
    assert (third.status, third.json) == (404, {"message": "Cannot GET /api/nowhere"})
    assert third.headers["X-Correlation-ID"] == "abc-1"
    assert first.headers["X-Correlation-ID"] != second.headers["X-Correlation-ID"]


async def test_another_method_is_another_route(alice):
    answer = await alice.delete("/api/users/me")

    assert (answer.status, answer.json) == (404, {"message": "Cannot DELETE /api/users/me"})


async def test_a_null_character_in_a_path_names_nothing(alice):
    asset_id = (await alice.upload(b"bytes")).json["id"]

    answer = await alice.delete(f"/api/assets/{asset_id}/metadata/%00")

    assert (answer.status, answer.message) == (404, "Not Found")
