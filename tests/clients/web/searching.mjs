// The search bar, its filters, and the page of things to explore.
import assert from 'node:assert/strict';
import { Page, refusal, show } from './page.mjs';

const { email, password, pictures } = JSON.parse(process.env.WEB);
const page = await new Page().logIn(email, password);
await page.connect();
const [first, second] = await show(page, pictures);
const { api } = page;
await api.updateAsset({
  id: first,
  updateAssetDto: { isFavorite: true, description: 'a lighthouse' },
});

const search = async (details) =>
  (
    await api.searchAssets({
      metadataSearchDto: { page: 1, withExif: true, isVisible: undefined, ...details },
    })
  ).assets;
assert.deepEqual(ids(await search({ description: 'lighthouse' })), [first]);
assert.deepEqual(ids(await search({ originalFileName: 'searching-1' })), [second]);
assert.ok(
  ids(await search({ model: 'Camera Obscura', takenAfter: '2021-07-01T00:00:00.000Z' })).includes(
    first,
  ),
);
const small = await search({ size: 1, type: 'IMAGE' });
assert.deepEqual([small.count, small.nextPage], [1, '2']);
assert.notDeepEqual(ids(await search({ size: 1, type: 'IMAGE', page: 2 })), ids(small));

const filtered = async (details) => (await api.searchAssets({ metadataSearchDto: details })).assets;
const named = await filtered({ filter: { originalFileName: { like: 'searching-0' } } });
assert.deepEqual(ids(named), [first]);
assert.equal(named.nextCursor, null);

const { total } = await api.searchAssetStatistics({ statisticsSearchDto: { isFavorite: true } });
assert.ok(total >= 1);
const some = await api.searchRandom({ randomSearchDto: { size: 2, withPeople: true } });
assert.equal(some.length, 2);
assert.ok((await api.getSearchSuggestions({ $type: 'camera-model' })).includes('Camera Obscura'));
for (const $type of ['country', 'state', 'city', 'camera-make', 'camera-lens-model']) {
  assert.ok(Array.isArray(await api.getSearchSuggestions({ $type })));
  assert.equal((await api.getSearchSuggestions({ $type, includeNull: true })).at(-1), null);
}
assert.ok(Array.isArray(await api.getExploreData()));
assert.ok(Array.isArray(await api.getAssetsByCity()));
assert.ok(Array.isArray(await api.searchPlaces({ name: 'Kiel' })));
assert.deepEqual(await api.searchPerson({ name: 'nobody at all' }), []);
assert.ok((await api.searchLargeAssets({ minFileSize: 1, size: 2 })).length > 0);
assert.equal((await api.getServerFeatures()).smartSearch, false);
const [status, message] = await refusal(
  api.searchSmart({ smartSearchDto: { query: 'a lighthouse' } }),
);
assert.deepEqual([status, message], [400, 'Smart search is not enabled']);
page.close();

function ids(assets) {
  assert.equal(assets.items.length, assets.count);
  return assets.items.map((one) => one.id);
}
