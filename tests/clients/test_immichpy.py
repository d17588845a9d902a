"""A client generated from the contract: it refuses every answer that is not exactly as promised."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from immichpy import AsyncClient
from immichpy.client import generated as api
from immichpy.client.generated.exceptions import (
    BadRequestException,
    ForbiddenException,
    NotFoundException,
    UnauthorizedException,
)
from PIL import Image

from tests.clients import folders
from tests.clients.conftest import EMAIL, PASSWORD
from tests.sync.app import REQUESTS

# It warns of what the contract deprecates, and its own parts of each other.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

CREATED = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
_widths = count(300)


@pytest.fixture
async def immich(served):
    """Ada's key."""
    async with opened(served, api_key=served.key) as immich:
        yield immich


@pytest.fixture
async def session(served):
    """A login of Ada's."""
    async with opened(served) as anonymous:
        credentials = api.LoginCredentialDto(email=EMAIL, password=PASSWORD)
        made = await anonymous.auth.login(credentials)
    async with opened(served, access_token=made.access_token) as session:
        yield session


@asynccontextmanager
async def opened(served, **credentials: str):
    client = AsyncClient(base_url=served.url, **credentials)
    try:
        yield client
    finally:
        await client.close()


def photo() -> bytes:
    """Never the same twice."""
    file = io.BytesIO()
    Image.new("RGB", (next(_widths), 200), (200, 120, 40)).save(file, "JPEG")
    return file.getvalue()


async def upload(client: AsyncClient, data: bytes, name: str = "photo.jpg", **fields) -> UUID:
    answer = await client.assets.upload_asset((name, data), CREATED, CREATED, **fields)
    return UUID(str(answer.id))


async def follow(session: AsyncClient, *types: str) -> list[tuple[str, object, str]]:
    """The lines of one stream, each in the model of its type."""
    wanted = api.SyncStreamDto(types=[api.SyncRequestType(one) for one in types or REQUESTS])
    response = await session.sync.get_sync_stream_without_preload_content(wanted)
    assert response.status == 200
    assert response.content_type == "application/jsonlines+json"
    found = []
    for text in (await response.read()).splitlines():
        line = json.loads(text)
        name = line["type"]
        model = {} if name.startswith("Sync") else getattr(api, f"Sync{name}")
        found.append((name, model and model.from_dict(line["data"]), line["ack"]))
    return found


async def test_what_anybody_may_know(served):
    async with opened(served) as anonymous:
        assert (await anonymous.server.ping_server()).res == "pong"
        version = await anonymous.server.get_server_version()
        assert (version.major, version.minor, version.patch) == (3, 2, 2)
        assert (await anonymous.server.get_version_history())[0].version == "3.2.2"
        assert (await anonymous.server.get_server_features()).trash is True
        assert (await anonymous.server.get_server_config()).is_initialized is True
        assert ".heic" in (await anonymous.server.get_supported_media_types()).image
        assert (await anonymous.config_public.get_public_config()).password_login.enabled
        assert (await anonymous.config_public.get_public_config_defaults()).password_login.enabled


async def test_what_users_may_know(immich):
    assert (await immich.server.get_about_info()).version.lstrip("v") == "3.2.2"
    assert (await immich.server.get_storage()).disk_size_raw > 0
    assert (await immich.server.get_server_statistics()).usage_by_user[0].user_name == "Ada"
    await immich.server.get_apk_links()
    await immich.server.get_version_check()
    await immich.system_metadata.get_version_check_state()
    await immich.system_metadata.get_reverse_geocoding_state()
    for is_onboarded in (False, True):
        state = api.AdminOnboardingUpdateDto(is_onboarded=is_onboarded)
        await immich.system_metadata.update_admin_onboarding(state)
        assert await immich.system_metadata.get_admin_onboarding() == state


async def test_an_administrator_signs_up_once(served):
    async with opened(served) as anonymous:
        with pytest.raises(BadRequestException, match="The server already has an admin"):
            await anonymous.auth.sign_up_admin(
                api.SignUpDto(email="eve@example.org", name="Eve", password="i was here")
            )


async def test_nobody_gets_in_without_a_credential(served):
    async with opened(served) as anonymous:
        with pytest.raises(UnauthorizedException, match="Authentication required"):
            await anonymous.users.get_my_user()
    async with opened(served, access_token="made up") as stranger:
        with pytest.raises(UnauthorizedException, match="Invalid user token"):
            await stranger.users.get_my_user()


async def test_a_login_and_its_end(session):
    assert (await session.auth.validate_access_token()).auth_status is True
    status = await session.auth.get_auth_status()
    assert (status.password, status.pin_code, status.is_elevated) == (True, False, False)
    assert (await session.auth.logout()).successful is True
    with pytest.raises(UnauthorizedException):
        await session.auth.validate_access_token()


async def test_a_password_is_changed(session, served):
    for old, new in ((PASSWORD, "another long one"), ("another long one", PASSWORD)):
        changed = await session.auth.change_password(
            api.ChangePasswordDto(password=old, new_password=new)
        )
        assert str(changed.id) == served.user["id"]
    with pytest.raises(BadRequestException, match="Wrong password"):
        await session.auth.change_password(
            api.ChangePasswordDto(password="wrong", new_password="another long one")
        )


async def test_a_person(immich, served):
    me = await immich.users.get_my_user()
    assert (str(me.id), me.is_admin) == (served.user["id"], True)
    assert [one.email for one in await immich.users.search_users()] == [EMAIL]
    assert (await immich.users.get_user(me.id)).name == me.name

    changed = await immich.users.update_my_user(
        api.UserUpdateMeDto(name="Ada L.", avatar_color=api.UserAvatarColor.GREEN)
    )
    assert (changed.name, changed.avatar_color) == ("Ada L.", "green")
    await immich.users.update_my_user(api.UserUpdateMeDto(name="Ada"))

    tags = api.UserPreferencesUpdateDto(tags=api.TagsUpdate(enabled=True))
    assert (await immich.users.update_my_preferences(tags)).tags.enabled is True
    assert (await immich.users.get_my_preferences()).tags.enabled is True

    done = api.OnboardingDto(is_onboarded=True)
    assert (await immich.users.set_user_onboarding(done)).is_onboarded is True
    await immich.users.delete_user_onboarding()
    assert (await immich.users.get_user_onboarding()).is_onboarded is False


async def test_sessions(session):
    made = await session.sessions.create_session(
        api.SessionCreateDto(device_type="Cast", device_os="Google Cast", duration=900)
    )
    assert made.token
    assert made.device_type == "Cast"
    listed = await session.sessions.get_sessions()
    assert [one.current for one in listed].count(True) == 1
    assert made.id in [one.id for one in listed]
    changed = await session.sessions.update_session(
        UUID(str(made.id)), api.SessionUpdateDto(is_pending_sync_reset=True)
    )
    assert changed.is_pending_sync_reset is True
    await session.sessions.delete_session(UUID(str(made.id)))
    await session.sessions.delete_all_sessions()
    assert [one.current for one in await session.sessions.get_sessions()] == [True]


async def test_keys(immich, served):
    made = await immich.api_keys.create_api_key(
        api.ApiKeyCreateDto(name="weak", permissions=[api.Permission.USER_DOT_READ])
    )
    key_id = UUID(str(made.api_key.id))
    async with opened(served, api_key=made.secret) as weak:
        assert (await weak.api_keys.get_my_api_key()).permissions == ["user.read"]
        await weak.users.get_my_user()
        with pytest.raises(ForbiddenException, match=r"Missing required permission: asset\.upload"):
            await upload(weak, photo())

    changed = await immich.api_keys.update_api_key(key_id, api.ApiKeyUpdateDto(name="renamed"))
    assert changed.name == "renamed"
    assert (await immich.api_keys.get_api_key(key_id)).name == "renamed"
    rotated = await immich.api_keys.rotate_api_key(key_id)
    assert rotated.secret != made.secret
    assert key_id in {UUID(str(one.id)) for one in await immich.api_keys.get_api_keys()}
    await immich.api_keys.delete_api_key(key_id)
    with pytest.raises(BadRequestException, match="API Key not found"):
        await immich.api_keys.get_api_key(key_id)


async def test_a_picture_from_upload_to_preview(immich, served, open_socket):
    socket = await open_socket(served.url, **{"x-api-key": served.key})
    data = photo()
    asset_id = await upload(immich, data, "seaside.jpg", is_favorite=True, visibility="archive")
    (heard,) = await socket.next("on_upload_success")

    assert UUID(heard["id"]) == asset_id
    shown = await immich.assets.get_asset_info(asset_id)
    assert str(shown.owner.id) == served.user["id"]
    told = api.AssetResponseDto.from_dict(heard)
    assert shown.model_copy(update={"owner": None}).to_dict() == told.to_dict()
    assert (shown.original_file_name, shown.is_favorite) == ("seaside.jpg", True)
    assert shown.visibility == "archive"
    assert await immich.assets.download_asset(asset_id) == data
    for size, kind in (("thumbnail", "WEBP"), ("preview", "JPEG")):
        seen = await immich.assets.view_asset(asset_id, size=api.AssetMediaSize(size))
        assert Image.open(io.BytesIO(seen)).format == kind
    assert await upload(immich, data) == asset_id, "the same bytes are the same asset"


async def test_a_picture_is_described(immich, served, open_socket):
    socket = await open_socket(served.url, **{"x-api-key": served.key})
    first, second = [await upload(immich, photo()) for _ in range(2)]
    changed = await immich.assets.update_asset(
        first,
        api.UpdateAssetDto(
            description="At the sea",
            rating=4,
            latitude=54.5,
            longitude=10.25,
            date_time_original="2020-02-03T04:05:06.000+02:00",
        ),
    )
    assert (changed.exif_info.description, changed.exif_info.rating) == ("At the sea", 4)
    assert (changed.exif_info.latitude, changed.exif_info.longitude) == (54.5, 10.25)
    await immich.assets.update_assets(
        api.AssetBulkUpdateDto(ids=[first, second], is_favorite=True, description="Both")
    )
    while UUID((await socket.next("on_upload_success"))[0]["id"]) != second:
        pass  # What the file says comes later, and changes nothing of it.
    for asset_id in (first, second):
        shown = await immich.assets.get_asset_info(asset_id)
        assert (shown.is_favorite, shown.exif_info.description) == (True, "Both")
        assert shown.width


async def test_metadata_of_apps(immich):
    asset_id = await upload(immich, photo())
    item = api.AssetMetadataUpsertItemDto(key="mobile-app", value={"iCloudId": "A/L0/001"})
    (made,) = await immich.assets.update_asset_metadata(
        asset_id, api.AssetMetadataUpsertDto(items=[item])
    )
    assert made.value == item.value
    assert len(await immich.assets.get_asset_metadata(asset_id)) == 1
    found = await immich.assets.get_asset_metadata_by_key(asset_id, "mobile-app")
    assert found.value == item.value
    bulk = {"asset_id": asset_id, "key": "other"}
    await immich.assets.update_bulk_asset_metadata(
        api.AssetMetadataBulkUpsertDto(
            items=[api.AssetMetadataBulkUpsertItemDto(**bulk, value={"n": 1})]
        )
    )
    await immich.assets.delete_asset_metadata(asset_id, "mobile-app")
    await immich.assets.delete_bulk_asset_metadata(
        api.AssetMetadataBulkDeleteDto(items=[api.AssetMetadataBulkDeleteItemDto(**bulk)])
    )
    assert await immich.assets.get_asset_metadata(asset_id) == []


async def test_a_video(immich):
    data = b"\0\0\0\x18ftypmp42 what a film" + photo()
    asset_id = await upload(immich, data, "film.mp4", duration=1500)

    assert (await immich.assets.get_asset_info(asset_id)).type == "VIDEO"
    assert await immich.assets.play_asset_video(asset_id) == data


async def test_the_trash(immich):
    ids = [await upload(immich, photo()) for _ in range(3)]
    total = (await immich.assets.get_asset_statistics()).total

    async def in_trash() -> int:
        return (await immich.assets.get_asset_statistics(is_trashed=True)).total

    await immich.assets.delete_assets(api.AssetBulkDeleteDto(ids=ids))
    assert await in_trash() == 3
    assert (await immich.assets.get_asset_info(ids[0])).is_trashed is True
    assert (await immich.trash.restore_assets(api.BulkIdsDto(ids=ids[:1]))).count == 1
    assert (await immich.trash.restore_trash()).count == 2
    assert (await immich.assets.get_asset_statistics()).total == total
    await immich.assets.delete_assets(api.AssetBulkDeleteDto(ids=ids[:1], force=True))
    await immich.assets.delete_assets(api.AssetBulkDeleteDto(ids=ids[1:]))
    assert (await immich.trash.empty_trash()).count == 2
    assert await in_trash() == 0
    for asset_id in ids:
        with pytest.raises(BadRequestException, match=r"Not found or no asset\.read access"):
            await immich.assets.get_asset_info(asset_id)
        with pytest.raises(NotFoundException):
            await immich.assets.download_asset(asset_id)


async def test_what_is_not_there(immich):
    with pytest.raises(BadRequestException, match=r"Not found or no asset\.read access"):
        await immich.assets.get_asset_info(uuid4())


async def test_sync_and_acks(session, immich, served):
    asset_id = await upload(immich, photo())
    lines = await follow(session)
    latest = {name: (model, ack) for name, model, ack in lines}

    assert latest["AuthUserV1"][0].is_admin is True
    assert lines[-1][0] == "SyncCompleteV1"
    seen = {str(model.id) for name, model, _ in lines if name == "AssetV2"}
    assert str(asset_id) in seen

    acks = [ack for _, ack in latest.values()]
    await session.sync.send_sync_ack(api.SyncAckSetDto(acks=acks))
    stored = await session.sync.get_sync_ack()
    assert {one.ack for one in stored} == set(acks)

    # The worker may still be at what other tests uploaded; of users nothing more comes.
    assert [name for name, *_ in await follow(session, "AuthUsersV1", "UsersV1")] == [
        "SyncCompleteV1"
    ]
    await session.sync.delete_sync_ack(
        api.SyncAckDeleteDto(types=[api.SyncEntityType.ASSETV2, api.SyncEntityType.ASSETDELETEV1])
    )
    again = await follow(session, "AssetsV2")
    assert seen <= {str(model.id) for name, model, _ in again if name == "AssetV2"}
    with pytest.raises(ForbiddenException, match="cannot be used with API keys"):
        await immich.sync.get_sync_ack()


@pytest.fixture
async def library(immich):
    """Two pictures, and one of everything that is made of pictures."""
    first, second = [await upload(immich, photo()) for _ in range(2)]
    place = api.UpdateAssetDto(latitude=54.5, longitude=10.25)
    await immich.assets.update_asset(first, place)
    album = await immich.albums.create_album(
        api.CreateAlbumDto(album_name="Summer", asset_ids=[first, second])
    )
    tag = await immich.tags.create_tag(api.TagCreateDto(name=uuid4().hex))
    await immich.tags.tag_assets(UUID(str(tag.id)), api.BulkIdsDto(ids=[first]))
    person = await immich.people.create_person(api.PersonCreateDto(name="Grace"))
    box = {"x": 10, "y": 10, "width": 60, "height": 60, "image_width": 300, "image_height": 200}
    await immich.faces.create_face(
        api.AssetFaceCreateDto(asset_id=first, person_id=person.id, **box)
    )
    stack = await immich.stacks.create_stack(api.StackCreateDto(asset_ids=[first, second]))
    memory = await immich.memories.create_memory(
        api.MemoryCreateDto(
            type=api.MemoryType.ON_THIS_DAY,
            data=api.OnThisDayDto(year=2020),
            memory_at=CREATED,
            asset_ids=[first],
        )
    )
    link = await immich.shared_links.create_shared_link(
        api.SharedLinkCreateDto(type=api.SharedLinkType.ALBUM, album_id=album.id)
    )
    await immich.activities.create_activity(
        api.ActivityCreateDto(
            album_id=album.id, asset_id=first, type=api.ReactionType.COMMENT, comment="Lovely"
        )
    )
    made = {"album": album, "tag": tag, "person": person, "stack": stack, "memory": memory}
    ids = {name: UUID(str(one.id)) for name, one in (made | {"link": link}).items()}
    return SimpleNamespace(first=first, second=second, key=link.key, **ids)


async def test_albums_and_what_is_said_in_them(immich, library):
    album = library.album
    assert (await immich.albums.get_album_info(album)).asset_count == 2
    assert album in {UUID(str(one.id)) for one in await immich.albums.get_all_albums()}
    for query in ({"is_owned": True}, {"is_shared": True}, {"asset_id": library.first}):
        await immich.albums.get_all_albums(**query)
    assert (await immich.albums.get_album_statistics()).owned > 0
    (marker,) = await immich.albums.get_album_map_markers(album)
    assert (marker.lat, marker.lon) == (54.5, 10.25)
    (comment,) = await immich.activities.get_activities(album)
    assert comment.comment == "Lovely"
    assert (await immich.activities.get_activity_statistics(album)).comments == 1


async def test_links_with_and_without_a_login(immich, library, served):
    assert (await immich.shared_links.get_shared_link_by_id(library.link)).key == library.key
    (link,) = await immich.shared_links.get_all_shared_links(album_id=library.album)
    assert link.album.album_name == "Summer"
    key = {"key": library.key}
    async with opened(served) as visitor:
        assert (await visitor.shared_links.get_my_shared_link(**key)).allow_download is True
        assert (await visitor.albums.get_album_info(library.album, **key)).asset_count == 2
        shown = await visitor.assets.get_asset_info(library.first, **key)
        assert (shown.owner, shown.people) == (None, [])
        assert await visitor.albums.get_album_map_markers(library.album, **key)
        (bucket,) = await visitor.timeline.get_time_buckets(album_id=library.album, **key)
        month = {"time_bucket": bucket.time_bucket, "album_id": library.album}
        assert len((await visitor.timeline.get_time_bucket(**month, **key)).id) == 2
        wanted = api.DownloadInfoDto(album_id=library.album)
        assert (await visitor.download.get_download_info(wanted, **key)).total_size > 0


async def test_months_of_all_kinds(immich, library):
    kinds = [
        {"visibility": api.AssetVisibility.TIMELINE, "with_stacked": True, "with_partners": True},
        {"visibility": api.AssetVisibility.ARCHIVE},
        {"is_favorite": True},
        {"is_trashed": True},
        {"album_id": library.album, "order": api.AssetOrder.ASC},
        {"person_id": library.person},
        {"tag_id": library.tag, "with_coordinates": True},
    ]
    for kind in kinds:
        for bucket in await immich.timeline.get_time_buckets(**kind):
            month = await immich.timeline.get_time_bucket(time_bucket=bucket.time_bucket, **kind)
            assert len(month.id) == bucket.count, kind


async def test_people_tags_stacks_and_memories(immich, library):
    assert (await immich.people.get_all_people(with_hidden=True)).total > 0
    assert (await immich.people.get_person(library.person)).name == "Grace"
    assert (await immich.people.get_person_statistics(library.person)).assets == 1
    (face,) = await immich.faces.get_faces(library.first)
    assert face.person.name == "Grace"
    assert library.tag in {UUID(str(one.id)) for one in await immich.tags.get_all_tags()}
    await immich.tags.get_tag_by_id(library.tag)
    assert len((await immich.stacks.get_stack(library.stack)).assets) == 2
    assert len(await immich.stacks.search_stacks(primary_asset_id=library.first)) == 1
    assert (await immich.memories.get_memory(library.memory)).data.year == 2020
    assert await immich.memories.search_memories(var_for=CREATED.date())
    assert (await immich.memories.memories_statistics()).total > 0
    shown = await immich.assets.get_asset_info(library.first)
    assert [one.name for one in shown.people] == ["Grace"]
    assert (len(shown.tags), shown.stack.asset_count) == (1, 2)


async def test_searches_of_all_kinds(immich, library):
    search = immich.search
    found = await search.search_assets(api.MetadataSearchDto(tag_ids=[library.tag], with_exif=True))
    assert [UUID(str(one.id)) for one in found.assets.items] == [library.first]
    some = await search.search_assets(api.MetadataSearchDto(size=1))
    assert some.assets.next_page == "2"
    assert (await search.search_asset_statistics(api.StatisticsSearchDto())).total > 0
    assert await search.search_random(api.RandomSearchDto(size=1, with_people=True))
    assert await search.search_large_assets(min_file_size=1)
    assert [one.name for one in await search.search_person(name="Grace")]
    for type_ in api.SearchSuggestionType:
        await search.get_search_suggestions(type=type_)
    await search.search_places(name="Kiel")
    await search.get_explore_data()
    await search.get_assets_by_city()
    with pytest.raises(BadRequestException, match="Smart search is not enabled"):
        await search.search_smart(api.SmartSearchDto(query="a lighthouse"))


async def test_maps_folders_files_and_downloads(immich, library):
    markers = await immich.map.get_map_markers()
    assert library.first in {UUID(str(one.id)) for one in markers}
    await immich.map.reverse_geocode(lat=54.5, lon=10.25)
    path = (await immich.assets.get_asset_info(library.first)).original_path.rpartition("/")[0]
    assert path in await immich.views.get_unique_original_paths()
    assert await immich.views.get_assets_by_original_path(path)
    assert (await immich.assets.get_asset_edits(library.first)).edits == []
    assert await immich.assets.get_asset_ocr(library.first) == []
    for file in await immich.asset_files.search_asset_files(asset_id=library.first):
        await immich.asset_files.get_asset_file(UUID(str(file.id)))
    assert await immich.duplicates.get_asset_duplicates() == []
    wanted = api.DownloadInfoDto(asset_ids=[library.first, library.second])
    (archive,) = (await immich.download.get_download_info(wanted)).archives
    data = await immich.download.download_archive(
        api.DownloadArchiveDto(asset_ids=archive.asset_ids)
    )
    assert len(zipfile.ZipFile(io.BytesIO(data)).namelist()) == 2
    for direction in api.PartnerDirection:
        assert await immich.partners.get_partners(direction) == []


async def test_what_concerns_somebody(immich, served):
    made = await immich.notifications_admin.create_notification(
        api.NotificationCreateDto(title="Tonight", user_id=UUID(served.user["id"]))
    )
    (unread,) = await immich.notifications.get_notifications(unread=True)
    assert (unread.id, unread.title, unread.read_at) == (made.id, "Tonight", None)
    notification_id = UUID(str(made.id))
    read = api.NotificationUpdateDto(read_at=CREATED)
    await immich.notifications.update_notification(notification_id, read)
    assert (await immich.notifications.get_notification(notification_id)).read_at == CREATED
    await immich.notifications.delete_notification(notification_id)


async def test_how_the_server_is_set(immich):
    assert await immich.config_admin.get_admin_config()
    assert await immich.config_admin.get_admin_config_defaults()
    assert await immich.config_user.get_user_config()
    assert await immich.config_user.get_user_config_defaults()
    assert await immich.system_config.get_config()
    assert await immich.system_config.get_config_defaults()
    assert await immich.system_config.get_storage_template_options()


async def test_the_users_of_a_server(immich, served):
    ada = UUID(served.user["id"])
    made = await immich.users_admin.create_user_admin(
        api.UserAdminCreateDto(email="bob@example.org", name="Bob", password=PASSWORD)
    )
    bob = UUID(str(made.id))
    listed = {UUID(str(one.id)) for one in await immich.users_admin.search_users_admin()}
    assert listed == {ada, bob}
    assert (await immich.users_admin.get_user_admin(bob)).name == "Bob"
    await immich.users_admin.get_user_preferences_admin(bob)
    await immich.users_admin.get_user_statistics_admin(ada)
    assert await immich.users_admin.get_user_sessions_admin(ada)
    await immich.users_admin.delete_user_admin(bob, api.UserAdminDeleteDto(force=False))
    assert (await immich.users_admin.get_user_admin(bob)).status == "deleted"
    assert (await immich.users_admin.restore_user_admin(bob)).status == "active"
    await immich.users_admin.delete_user_admin(bob, api.UserAdminDeleteDto(force=False))


async def test_the_queues(immich):
    queues = await immich.queues.get_queues()
    assert {one.name for one in queues} == set(api.QueueName)
    for name in api.QueueName:
        assert (await immich.queues.get_queue(name)).name == name
        await immich.queues.get_queue_jobs(name)
    legacy = await immich.jobs.get_queues_legacy()
    assert legacy.thumbnail_generation.queue_status.is_paused is False


async def test_its_own_way_to_upload_and_download_folders(immich, tmp_path):
    sizes = folders.fill(tmp_path / "photos")
    first = await immich.assets.upload(tmp_path / "photos")
    again = await immich.assets.upload(tmp_path / "photos")
    blind = await immich.assets.upload(tmp_path / "photos", skip_duplicates=True)

    assert (first.stats.uploaded, first.failed) == (len(sizes), [])
    assert {entry.reason for entry in again.rejected} == {"duplicate"}
    assert (again.stats.rejected, again.stats.uploaded) == (len(sizes), 0)
    assert (blind.stats.rejected, blind.stats.uploaded) == (len(sizes), 0)

    async def fetch(entry) -> None:
        asset_id = UUID(str(entry.asset.id))
        # Its HTTP library sends most names percent-encoded, so they come back that way.
        path = await immich.assets.download_asset_to_file(asset_id, tmp_path / str(asset_id))
        assert path.name in (entry.filepath.name, quote(entry.filepath.name).replace("%22", '"'))
        assert path.read_bytes() == entry.filepath.read_bytes()

    await asyncio.gather(*map(fetch, first.uploaded))
