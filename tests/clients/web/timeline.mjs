// The months of every page that shows them, as the web app asks for each.
import assert from 'node:assert/strict';
import { Page, show } from './page.mjs';

const { email, password, pictures } = JSON.parse(process.env.WEB);
const page = await new Page().logIn(email, password);
await page.connect();
const all = await show(page, pictures);
const [first, favourite, archived, trashed, ...stacked] = all;

const update = (ids, changes) => page.api.updateAssets({ assetBulkUpdateDto: { ids, ...changes } });
await update([favourite], { isFavorite: true });
await update([archived], { visibility: 'archive' });
await page.api.deleteAssets({ assetBulkDeleteDto: { ids: [trashed] } });
const stack = await page.api.createStack({ stackCreateDto: { assetIds: stacked } });
const album = await page.api.createAlbum({
  createAlbumDto: { albumName: 'Months', assetIds: [first, favourite] },
});
const tag = await page.api.createTag({ tagCreateDto: { name: 'months' } });
await page.api.tagAssets({ id: tag.id, bulkIdsDto: { ids: [first] } });
const person = await page.api.createPerson({ personCreateDto: { name: 'Grace' } });
await page.api.createFace({
  assetFaceCreateDto: {
    assetId: favourite,
    personId: person.id,
    imageWidth: 300,
    imageHeight: 200,
    x: 10,
    y: 10,
    width: 60,
    height: 60,
  },
});

const main = { visibility: 'timeline', withPartners: true, withStacked: true };
const months = await list(main);
assert.deepEqual(new Set(months.ids), new Set([first, favourite, stacked[0]]));
const row = months.row(stacked[0]);
assert.deepEqual(row.stack, [stack.id, String(stacked.length)]);
assert.deepEqual(
  [row.isImage, row.isFavorite, row.isTrashed, row.visibility],
  [true, false, false, 'timeline'],
);
assert.equal(row.ownerId, page.user.id);
assert.ok(row.thumbhash && row.ratio > 1);
assert.deepEqual([row.duration, row.livePhotoVideoId, row.projectionType], [null, null, null]);

assert.deepEqual((await list({ visibility: 'archive' })).ids, [archived]);
assert.deepEqual((await list({ isFavorite: true, withStacked: true })).ids, [favourite]);
assert.deepEqual((await list({ isTrashed: true })).ids, [trashed]);
assert.deepEqual(
  new Set((await list({ albumId: album.id, order: 'asc' })).ids),
  new Set([first, favourite]),
);
assert.deepEqual((await list({ personId: person.id, visibility: 'timeline' })).ids, [favourite]);
assert.deepEqual((await list({ tagId: tag.id })).ids, [first]);
assert.deepEqual(
  (await list({ userId: page.user.id, visibility: 'timeline', withCoordinates: true })).ids.length,
  2 + stacked.length,
);
page.close();

/** All months of a page, as scrolling through it loads them; the ids of these pictures. */
async function list(options) {
  const buckets = await page.api.getTimeBuckets(options);
  const found = [];
  for (const { timeBucket, count } of buckets) {
    assert.match(timeBucket, /^\d{4}-\d\d-01$/);
    const month = await page.api.getTimeBucket({ ...options, timeBucket });
    assert.equal(month.id.length, count);
    for (const [name, column] of Object.entries(month)) assert.equal(column.length, count, name);
    found.push(month);
  }
  const row = (id) => {
    const month = found.find((one) => one.id.includes(id));
    const at = month.id.indexOf(id);
    return Object.fromEntries(Object.entries(month).map(([name, column]) => [name, column[at]]));
  };
  return { ids: found.flatMap((month) => month.id).filter((id) => all.includes(id)), row };
}
