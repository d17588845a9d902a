// Things are thrown away, brought back, and gone for good; a second page follows.
import assert from 'node:assert/strict';
import { Page, refusal, show } from './page.mjs';

const { bob, password, pictures } = JSON.parse(process.env.WEB);
const page = await new Page().logIn(bob, password);
const other = await new Page().logIn(bob, password);
await Promise.all([page.connect(), other.connect()]);
const ids = await show(page, pictures);
const [first, second, ...others] = ids;
const { api } = page;

await hear(
  'on_asset_trash',
  (heard) => same(heard, ids),
  () => api.deleteAssets({ assetBulkDeleteDto: { ids } }),
);
assert.equal((await api.getAssetStatistics({ isTrashed: true })).total, ids.length);
assert.equal((await api.getAssetInfo({ id: first })).isTrashed, true);
assert.deepEqual(await page.upload(pictures[0]), {
  id: first,
  status: 'duplicate',
  isTrashed: true,
});
await hear(
  'on_asset_restore',
  (heard) => same(heard, [first]),
  () => api.restoreAssets({ bulkIdsDto: { ids: [first] } }),
);
const { count } = await api.restoreTrash();
assert.equal(count, ids.length - 1);
assert.equal((await api.getAssetStatistics({ isTrashed: true })).total, 0);

await hear(
  'on_asset_delete',
  (heard) => heard === first,
  () => api.deleteAssets({ assetBulkDeleteDto: { ids: [first], force: true } }),
);
await api.deleteAssets({ assetBulkDeleteDto: { ids: [second] } });
await hear(
  'on_asset_delete',
  (heard) => heard === second,
  async () => {
    assert.deepEqual(await api.emptyTrash(), { count: 1 });
  },
);
for (const id of [first, second]) {
  assert.deepEqual(await refusal(api.getAssetInfo({ id })), [
    400,
    'Not found or no asset.read access',
  ]);
  assert.equal((await page.load(`/assets/${id}/thumbnail`)).response.status, 400);
}
assert.equal((await api.getAssetInfo({ id: others[0] })).isTrashed, false);
page.close();
other.close();

async function hear(name, isIt, call) {
  const told = other.hears(name, isIt);
  await call();
  await told;
}

function same(some, others) {
  return JSON.stringify([...some].sort()) === JSON.stringify([...others].sort());
}
