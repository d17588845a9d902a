// What the viewer and the selection bar change, heard by a second page of the same person.
import assert from 'node:assert/strict';
import { Page, refusal, show } from './page.mjs';

const { email, password, pictures } = JSON.parse(process.env.WEB);
const page = await new Page().logIn(email, password);
const other = await new Page().logIn(email, password);
await Promise.all([page.connect(), other.connect()]);
const [id, ...more] = await show(page, pictures);
const { api } = page;

const change = (updateAssetDto) => api.updateAsset({ id, updateAssetDto });
async function describe(details) {
  const told = other.hears('on_asset_update', (asset) => asset.id === id);
  const changed = await change(details);
  assert.deepEqual((await told)[0].exifInfo, changed.exifInfo);
  return changed;
}
assert.equal((await change({ isFavorite: true })).isFavorite, true);
assert.equal((await change({ isFavorite: false })).isFavorite, false);
assert.equal((await describe({ description: 'At the sea' })).exifInfo.description, 'At the sea');
assert.equal((await describe({ rating: 4 })).exifInfo.rating, 4);
assert.equal((await describe({ rating: null })).exifInfo.rating, null);
const placed = await describe({ latitude: 54.32, longitude: 10.13 });
assert.deepEqual([placed.exifInfo.latitude, placed.exifInfo.longitude], [54.32, 10.13]);
const dated = await describe({ dateTimeOriginal: '2020-02-03T04:05:06.000+02:00' });
assert.equal(dated.localDateTime, '2020-02-03T04:05:06.000Z');
assert.equal(dated.fileCreatedAt, '2020-02-03T02:05:06.000Z');
assert.equal((await change({ visibility: 'archive' })).isArchived, true);
assert.equal((await change({ visibility: 'timeline' })).isArchived, false);

// Many at once.
await api.updateAssets({ assetBulkUpdateDto: { ids: more, isFavorite: true } });
await api.updateAssets({
  assetBulkUpdateDto: { ids: more, dateTimeRelative: 60, timeZone: 'Europe/Berlin' },
});
await api.updateAssets({
  assetBulkUpdateDto: { ids: more, description: 'All', latitude: 1, longitude: 2 },
});
for (const one of await Promise.all(more.map((id) => api.getAssetInfo({ id })))) {
  assert.deepEqual(
    [one.isFavorite, one.exifInfo.description, one.exifInfo.longitude],
    [true, 'All', 2],
  );
  assert.equal(one.exifInfo.timeZone, 'Europe/Berlin');
}
await api.runAssetJobs({ assetJobsDto: { assetIds: [id], name: 'refresh-metadata' } });
await api.copyAsset({ assetCopyDto: { sourceId: more[0], targetId: id } });
assert.equal((await api.getAssetInfo({ id })).isFavorite, true);

// The editor waits for the socket, no longer than ten seconds, and then shows what it made.
const crop = { action: 'crop', parameters: { x: 10, y: 20, width: 120, height: 90 } };
const rotate = { action: 'rotate', parameters: { angle: 90 } };
const edited = await edit(() =>
  api.editAsset({ id, assetEditsCreateDto: { edits: [crop, rotate] } }),
);
assert.equal(edited.edit.length, 2);
assert.deepEqual([edited.asset.width, edited.asset.height, edited.asset.isEdited], [90, 120, true]);
const kept = (await api.getAssetEdits({ id })).edits;
assert.deepEqual(
  kept.map(({ action, parameters }) => ({ action, parameters })),
  [crop, rotate],
);
const cropped = await api.getAssetInfo({ id });
assert.deepEqual([cropped.width, cropped.height, cropped.isEdited], [90, 120, true]);
for (const query of [
  'size=preview&edited=true',
  'size=thumbnail&edited=true',
  'size=fullsize&edited=true',
]) {
  assert.equal((await page.load(`/assets/${id}/thumbnail?${query}`)).response.status, 200);
}
const [shown, taken] = await Promise.all(
  ['true', 'false'].map((edited) => page.load(`/assets/${id}/original?edited=${edited}`)),
);
assert.ok(!shown.bytes.equals(taken.bytes));
const undone = await edit(() => api.removeAssetEdits({ id }));
assert.deepEqual([undone.edit, undone.asset.isEdited], [[], false]);
assert.deepEqual((await api.getAssetEdits({ id })).edits, []);

// Locked away: gone from open pages, and only for who gave the PIN.
assert.equal((await api.getAuthStatus()).pinCode, false);
const hidden = other
  .hears('on_asset_update', (asset) => asset.id === more[0] && asset.visibility === 'locked')
  .catch(() => undefined);
await api.updateAssets({ assetBulkUpdateDto: { ids: [more[0]], visibility: 'locked' } });
await hidden;
assert.deepEqual((await refusal(api.getTimeBuckets({ visibility: 'locked' })))[0], 401);
await api.setupPinCode({ pinCodeSetupDto: { pinCode: '123456' } });
await api.unlockAuthSession({ sessionUnlockDto: { pinCode: '123456' } });
assert.equal((await api.getAuthStatus()).isElevated, true);
assert.equal((await api.getTimeBuckets({ visibility: 'locked' }))[0].count, 1);
await api.updateAssets({ assetBulkUpdateDto: { ids: [more[0]], visibility: 'timeline' } });
await api.lockAuthSession();
assert.equal((await api.getAuthStatus()).isElevated, false);
page.close();
other.close();

async function edit(call) {
  const ready = page.hears('AssetEditReadyV2', ({ asset }) => asset.id === id);
  await call();
  return (await ready)[0];
}
