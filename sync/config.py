"""What an administrator can set, with the defaults, and how it is read."""

from __future__ import annotations

import msgspec

from sql import Connection, reads
from sync.errors import Invalid


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every setting that is honoured so far."""

    external_domain: str = ""
    login_page_message: str = ""
    custom_css: str = ""
    is_password_login_enabled: bool = True
    are_users_public: bool = True
    is_trash_enabled: bool = True
    trash_days: int = 30
    user_delete_delay_days: int = 7
    is_onboarded: bool = False  # an administrator went through the first steps in the web app
    map_light_style_url: str = "https://tiles.immich.cloud/v1/style/light.json"
    map_dark_style_url: str = "https://tiles.immich.cloud/v1/style/dark.json"


NAMES = frozenset(Config.__struct_fields__)


async def load(connection: Connection) -> Config:
    """The settings in force. Raises Invalid when one has a value of a wrong type."""
    values = {row["name"]: row["value"] for row in await reads.settings.list_settings(connection)}
    try:
        return msgspec.convert(values, Config)
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from error
