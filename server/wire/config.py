"""The configuration as Immich's JSON, for each of those who may see some of it."""

from __future__ import annotations

from typing import Any

import msgspec

from sync.config import Config

Shown = dict[str, Any]

# Of Immich's storage templates. Ours moves no files, yet clients list these before they ask.
TEMPLATE_OPTIONS: Shown = {
    "yearOptions": ["y", "yy"],
    "monthOptions": ["M", "MM", "MMM", "MMMM"],
    "weekOptions": ["W", "WW"],
    "dayOptions": ["d", "dd"],
    "hourOptions": ["h", "hh", "H", "HH"],
    "minuteOptions": ["m", "mm"],
    "secondOptions": ["s", "ss", "SSS"],
    "presetOptions": [
        "{{y}}/{{y}}-{{MM}}-{{dd}}/{{filename}}",
        "{{y}}/{{MM}}-{{dd}}/{{filename}}",
        "{{y}}/{{MMMM}}-{{dd}}/{{filename}}",
        "{{y}}/{{MM}}/{{filename}}",
        "{{y}}/{{#if album}}{{album}}{{else}}Other/{{MM}}{{/if}}/{{filename}}",
        "{{#if album}}{{album-startDate-y}}/{{album}}{{else}}{{y}}/Other/{{MM}}{{/if}}"
        "/{{filename}}",
        "{{y}}/{{MMM}}/{{filename}}",
        "{{y}}/{{MMMM}}/{{filename}}",
        "{{y}}/{{MM}}/{{dd}}/{{filename}}",
        "{{y}}/{{MMMM}}/{{dd}}/{{filename}}",
        "{{y}}/{{y}}-{{MM}}/{{y}}-{{MM}}-{{dd}}/{{filename}}",
        "{{y}}-{{MM}}-{{dd}}/{{filename}}",
        "{{y}}-{{MMM}}-{{dd}}/{{filename}}",
        "{{y}}-{{MMMM}}-{{dd}}/{{filename}}",
        "{{y}}/{{y}}-{{MM}}/{{filename}}",
        "{{y}}/{{y}}-{{WW}}/{{filename}}",
        "{{y}}/{{y}}-{{MM}}-{{dd}}/{{assetId}}",
        "{{y}}/{{y}}-{{MM}}/{{assetId}}",
        "{{y}}/{{y}}-{{WW}}/{{assetId}}",
        "{{album}}/{{filename}}",
        "{{make}}/{{model}}/{{lensModel}}/{{filename}}",
    ],
}


def show_admin_config(config: Config) -> Shown:
    """AdminConfigDto: all of it, secrets too, since who saves it sends them back."""
    shown: Shown = msgspec.to_builtins(config)
    return shown


def show_user_config(config: Config) -> Shown:
    """UserConfigDto."""
    learning = config.machine_learning
    whole = msgspec.to_builtins(config)
    return {
        "ffmpeg": {"realtime": whole["ffmpeg"]["realtime"]},
        "image": {
            "fullsize": {"enabled": config.image.fullsize.enabled},
            "preview": {"size": config.image.preview.size},
            "thumbnail": {"size": config.image.thumbnail.size},
        },
        "machineLearning": {
            "enabled": learning.enabled,
            "clip": {"enabled": learning.clip.enabled},
            "duplicateDetection": {"enabled": learning.duplicate_detection.enabled},
            "facialRecognition": {
                "enabled": learning.facial_recognition.enabled,
                "minFaces": learning.facial_recognition.min_faces,
            },
            "ocr": {"enabled": learning.ocr.enabled},
        },
        "oauth": {
            "autoLaunch": config.oauth.auto_launch,
            "buttonText": config.oauth.button_text,
            "enabled": config.oauth.enabled,
        },
        **{
            name: whole[name]
            for name in (
                "map", "passwordLogin", "reverseGeocoding", "server", "theme", "trash", "user",
            )
        },
    }  # fmt: skip


def show_public_config(config: Config) -> Shown:
    """PublicConfigDto."""
    return {
        "oauth": {
            "autoLaunch": config.oauth.auto_launch,
            "buttonText": config.oauth.button_text,
            "enabled": config.oauth.enabled,
        },
        "passwordLogin": {"enabled": config.password_login.enabled},
        "server": {"loginPageMessage": config.server.login_page_message},
        "theme": {"customCss": config.theme.custom_css},
    }
