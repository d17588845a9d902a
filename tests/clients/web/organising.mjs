// People, tags, stacks, memories, the map, folders, duplicates and downloads.
import assert from 'node:assert/strict';
import { Page, refusal, show } from './page.mjs';

const { email, password, pictures } = JSON.parse(process.env.WEB);
const page = await new Page().logIn(email, password);
const other = await new Page().logIn(email, password);
await Promise.all([page.connect(), other.connect()]);
const [first, second, third] = await show(page, pictures);
const { api } = page;

// A face drawn by hand, and who it is.
const ann = await api.createPerson({
  personCreateDto: { name: 'Ann', birthDate: '1990-01-02', isFavorite: true },
});
const ben = await api.createPerson({ personCreateDto: { name: 'Ben' } });
const drawn = (assetId, personId) =>
  api.createFace({
    assetFaceCreateDto: {
      assetId,
      personId,
      imageWidth: 300,
      imageHeight: 200,
      x: 30,
      y: 20,
      width: 90,
      height: 90,
    },
  });
const pictured = other.hears('on_person_thumbnail', (id) => id === ann.id);
await drawn(first, ann.id);
await drawn(second, ben.id);
await pictured;
const thumbnail = await page.load(`/people/${ann.id}/thumbnail`);
assert.deepEqual(
  [thumbnail.response.status, thumbnail.response.headers.get('content-type')],
  [200, 'image/jpeg'],
);
const [face] = await api.getFaces({ id: first });
assert.deepEqual([face.person.name, face.boundingBoxX1, face.sourceType], ['Ann', 30, 'manual']);
assert.deepEqual(
  (await api.getAssetInfo({ id: first })).people.map((one) => one.name),
  ['Ann'],
);
const { people, total, hidden, hasNextPage } = await api.getAllPeople({
  withHidden: true,
  page: 1,
  size: 500,
});
assert.ok(
  people.some((one) => one.id === ann.id) && total >= 2 && hidden === 0 && hasNextPage === false,
);
assert.deepEqual(await api.getPersonStatistics({ id: ann.id }), { assets: 1 });
assert.equal(
  (await api.updatePerson({ id: ann.id, personUpdateDto: { name: 'Anna' } })).name,
  'Anna',
);
await api.updatePeople({ peopleUpdateDto: { people: [{ id: ben.id, isHidden: true }] } });
assert.equal((await api.getPerson({ id: ben.id })).isHidden, true);
const [moved] = await api.getFaces({ id: second });
await api.reassignFacesById({ id: ann.id, faceDto: { id: moved.id } });
assert.deepEqual(await api.getPersonStatistics({ id: ann.id }), { assets: 2 });
assert.deepEqual(
  (await api.searchPerson({ name: 'anna' })).map((one) => one.id),
  [ann.id],
);
await api.deleteFace({ id: face.id, assetFaceDeleteDto: { force: true } });
assert.deepEqual(await api.getFaces({ id: first }), []);
await api.mergePersonLegacy({ id: ann.id, mergePersonDto: { ids: [ben.id] } });
assert.equal((await refusal(api.getPerson({ id: ben.id })))[0], 400);

// Tags, a tree of them.
const [leaf] = await api.upsertTags({ tagUpsertDto: { tags: ['trips/north/sea'] } });
assert.deepEqual([leaf.name, leaf.value], ['sea', 'trips/north/sea']);
const tagged = other.hears(
  'on_asset_update',
  (asset) => asset.id === first && asset.tags.length === 1,
);
assert.deepEqual(
  await api.bulkTagAssets({ tagBulkAssetsDto: { tagIds: [leaf.id], assetIds: [first, second] } }),
  { count: 2 },
);
await tagged;
const all = (await api.getAllTags()).map((one) => one.value);
assert.ok(['trips', 'trips/north', 'trips/north/sea'].every((one) => all.includes(one)));
assert.equal(
  (await api.updateTag({ id: leaf.id, tagUpdateDto: { color: '#ff0000' } })).color,
  '#ff0000',
);
assert.deepEqual(await api.untagAssets({ id: leaf.id, bulkIdsDto: { ids: [second] } }), [
  { id: second, success: true },
]);
await api.deleteTag({ id: leaf.id });

// A stack, its cover, and its end.
const stacked = other.hears('on_asset_stack_update');
const stack = await api.createStack({ stackCreateDto: { assetIds: [first, second, third] } });
await stacked;
assert.equal(stack.primaryAssetId, first);
assert.equal((await api.getAssetInfo({ id: first })).stack.assetCount, 3);
assert.equal(
  (await api.updateStack({ id: stack.id, stackUpdateDto: { primaryAssetId: second } }))
    .primaryAssetId,
  second,
);
await api.removeAssetFromStack({ id: stack.id, assetId: third });
assert.equal((await api.getStack({ id: stack.id })).assets.length, 2);
await api.deleteStacks({ bulkIdsDto: { ids: [stack.id] } });
assert.equal((await refusal(api.getStack({ id: stack.id })))[0], 400);

// A memory.
const now = new Date();
const memory = await api.createMemory({
  memoryCreateDto: {
    type: 'on_this_day',
    data: { year: 2020 },
    memoryAt: now.toISOString(),
    assetIds: [first, second],
  },
});
const today = await api.searchMemories({ $for: now.toISOString().slice(0, 10) });
assert.ok(today.some((one) => one.id === memory.id && one.assets.length === 2));
assert.equal(
  (await api.updateMemory({ id: memory.id, memoryUpdateDto: { isSaved: true } })).isSaved,
  true,
);
await api.removeMemoryAssets({ id: memory.id, bulkIdsDto: { ids: [second] } });
assert.equal((await api.memoriesStatistics({ isSaved: true })).total >= 1, true);
await api.deleteMemory({ id: memory.id });

// The map.
await api.updateAsset({ id: third, updateAssetDto: { latitude: 54.3, longitude: 10.1 } });
const marker = (
  await api.getMapMarkers({ isArchived: false, withPartners: true, withSharedAlbums: true })
).find((one) => one.id === third);
assert.deepEqual([marker.lat, marker.lon], [54.3, 10.1]);
assert.ok(Array.isArray(await api.reverseGeocode({ lat: 54.3, lon: 10.1 })));

// Folders.
const { originalPath } = await api.getAssetInfo({ id: first });
const folder = originalPath.slice(0, originalPath.lastIndexOf('/'));
assert.ok((await api.getUniqueOriginalPaths()).includes(folder), folder);
assert.ok((await api.getAssetsByOriginalPath({ path: folder })).some((one) => one.id === first));

// Duplicates: nothing looks for them yet, and the page says so by being empty.
assert.deepEqual(await api.getAssetDuplicates(), []);

// Downloads of a selection.
const { archives, totalSize } = await api.getDownloadInfo({
  downloadInfoDto: { assetIds: [first, second] },
});
assert.deepEqual([archives.length, archives[0].size], [1, totalSize]);
const zip = await api.downloadArchive({ downloadArchiveDto: { assetIds: archives[0].assetIds } });
assert.ok((await zip.arrayBuffer()).byteLength > totalSize);
assert.ok(
  await api.getMyCalendarHeatmap({ $type: 'Taken', $from: '2021-01-01', to: '2021-12-31' }),
);
page.close();
other.close();
