// Albums of two people: made, filled, shared, talked about, and left.
import assert from 'node:assert/strict';
import { Page, refusal, show } from './page.mjs';

const { email, password, bob: guest, pictures } = JSON.parse(process.env.WEB);
const page = await new Page().logIn(email, password);
const bob = await new Page().logIn(guest, password);
await Promise.all([page.connect(), bob.connect()]);
const [first, second, third] = await show(page, pictures.slice(0, 3));
const [foreign] = await show(bob, pictures.slice(3, 4));
const { api } = page;

const { id } = await api.createAlbum({
  createAlbumDto: { albumName: 'Summer', assetIds: [first] },
});
const added = await api.addAssetsToAlbum({ id, bulkIdsDto: { ids: [first, second, foreign] } });
assert.deepEqual(added, [
  { id: first, success: false, error: 'duplicate' },
  { id: second, success: true },
  { id: foreign, success: false, error: 'no_permission' },
]);
const another = await api.createAlbum({ createAlbumDto: { albumName: '' } });
const both = await api.addAssetsToAlbums({
  albumsAddAssetsDto: { albumIds: [id, another.id], assetIds: [third] },
});
assert.equal(both.success, true);
const seen = await api.getAlbumInfo({ id });
assert.deepEqual(
  [seen.assetCount, seen.albumThumbnailAssetId !== null, seen.shared],
  [3, true, false],
);
const renamed = await api.updateAlbumInfo({
  id,
  updateAlbumDto: {
    albumName: 'Summer 2024',
    description: 'Warm',
    albumThumbnailAssetId: second,
    order: 'asc',
  },
});
assert.deepEqual(
  [renamed.albumName, renamed.description, renamed.albumThumbnailAssetId, renamed.order],
  ['Summer 2024', 'Warm', second, 'asc'],
);

// Shared, from the list of people; the guest's open page hears of it and sees it.
const people = await api.searchUsers();
const { id: userId } = people.find((one) => one.email === guest);
const invited = bob.hears('on_notification');
const shared = await api.addUsersToAlbum({
  id,
  addUsersDto: { albumUsers: [{ userId, role: 'viewer' }] },
});
assert.deepEqual(
  shared.albumUsers.map((one) => one.role),
  ['owner', 'viewer'],
);
await invited;
const invitation = (await bob.api.getNotifications({ unread: true })).find(
  (one) => one.type === 'AlbumInvite' && one.data.albumId === id,
);
await bob.api.updateNotifications({
  notificationUpdateAllDto: { ids: [invitation.id], readAt: new Date().toISOString() },
});
assert.deepEqual(
  (await bob.api.getNotifications({ unread: true })).filter((one) => one.id === invitation.id),
  [],
);
const theirs = await bob.api.getAllAlbums({ isShared: true });
assert.deepEqual(
  theirs.filter((one) => one.id === id).map((one) => one.albumName),
  ['Summer 2024'],
);
assert.equal((await bob.api.getAlbumInfo({ id })).assetCount, 3);
const month = await bob.api.getTimeBuckets({ albumId: id, order: 'asc' });
assert.equal(
  month.reduce((sum, one) => sum + one.count, 0),
  3,
);
assert.equal((await bob.api.getAssetInfo({ id: second })).owner.email, email);
assert.equal((await bob.load(`/assets/${second}/thumbnail?size=preview`)).response.status, 200);
assert.deepEqual(await bob.api.getAlbumMapMarkers({ id }), []);
const viewer = await bob.api.addAssetsToAlbum({ id, bulkIdsDto: { ids: [foreign] } }).then(
  () => assert.fail('a viewer adds nothing'),
  (error) => error.status,
);
assert.equal(viewer, 400);
await api.updateAlbumUser({ id, userId, updateAlbumUserDto: { role: 'editor' } });
const told = page.hears('on_album_update', (albumId) => albumId === id);
assert.deepEqual(await bob.api.addAssetsToAlbum({ id, bulkIdsDto: { ids: [foreign] } }), [
  { id: foreign, success: true },
]);
await told;
assert.deepEqual((await api.getAlbumInfo({ id })).contributorCounts, [
  { userId: page.user.id, assetCount: 3 },
  { userId, assetCount: 1 },
]);

// Likes and comments.
const say = (who, details) =>
  who.api.createActivity({ activityCreateDto: { albumId: id, ...details } });
const like = await say(bob, { type: 'like', assetId: second });
assert.equal((await say(bob, { type: 'like', assetId: second })).id, like.id);
await say(bob, { type: 'comment', assetId: second, comment: 'Lovely' });
await say(page, { type: 'comment', comment: 'Thank you' });
assert.deepEqual(await api.getActivityStatistics({ albumId: id, assetId: second }), {
  comments: 1,
  likes: 1,
});
assert.deepEqual(
  (await api.getActivities({ albumId: id })).map((one) => one.comment ?? one.type),
  ['like', 'Lovely', 'Thank you'],
);
assert.equal(
  (await api.getActivities({ albumId: id, assetId: second, $type: 'like', userId })).length,
  1,
);
await bob.api.deleteActivity({ id: like.id });
await api.updateAlbumInfo({ id, updateAlbumDto: { isActivityEnabled: false } });
assert.equal((await refusal(say(bob, { type: 'like' })))[0], 400);

const { owned, shared: sharedCount, notShared } = await api.getAlbumStatistics();
assert.ok(owned >= 2 && sharedCount >= 1 && notShared >= 1);
assert.deepEqual(
  (await api.getAllAlbums({ assetId: third })).map((one) => one.id).sort(),
  [id, another.id].sort(),
);
assert.deepEqual(await api.removeAssetFromAlbum({ id, bulkIdsDto: { ids: [third] } }), [
  { id: third, success: true },
]);
await bob.api.removeUserFromAlbum({ id, userId: 'me' });
assert.equal((await refusal(bob.api.getAlbumInfo({ id })))[0], 400);
await api.deleteAlbum({ id: another.id });
assert.deepEqual(await api.getAllAlbums({ assetId: third }), []);
page.close();
bob.close();
