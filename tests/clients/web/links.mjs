// Links to an album and to pictures, made by one and opened in a browser that knows nobody.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Page, refusal, show } from './page.mjs';

const { email, password, pictures } = JSON.parse(process.env.WEB);
const page = await new Page().logIn(email, password);
await page.connect();
const [first, second, third] = await show(page, pictures.slice(0, 3));
const { api } = page;
await api.updateAsset({ id: first, updateAssetDto: { latitude: 54.3, longitude: 10.1 } });
const album = await api.createAlbum({
  createAlbumDto: { albumName: 'For all', assetIds: [first, second] },
});
const make = (details) => api.createSharedLink({ sharedLinkCreateDto: details });

// An album that visitors add to, behind a password.
const link = await make({
  type: 'ALBUM',
  albumId: album.id,
  password: 'sesame',
  allowUpload: true,
  slug: `for-all-${album.id}`,
});
assert.deepEqual(
  [link.allowDownload, link.showMetadata, link.password !== null],
  [true, true, true],
);
assert.equal((await api.getAlbumInfo({ id: album.id })).hasSharedLink, true);
for (const way of [{ key: link.key }, { slug: link.slug }]) {
  const visitor = new Page(way);
  assert.deepEqual(await refusal(visitor.api.getMySharedLink()), [401, 'Password required']);
  const wrong = visitor.api.sharedLinkLogin({ sharedLinkLoginDto: { password: 'guess' } });
  assert.deepEqual(await refusal(wrong), [401, 'Invalid password']);
  const opened = await visitor.api.sharedLinkLogin({ sharedLinkLoginDto: { password: 'sesame' } });
  assert.equal(opened.album.id, album.id);
  assert.ok(visitor.cookies.has('immich_shared_link_token'));
  assert.equal((await visitor.api.getMySharedLink()).album.albumName, 'For all');
  assert.equal((await visitor.api.getAlbumInfo({ id: album.id })).assetCount >= 2, true);
  const query = new URLSearchParams(way);
  const buckets = await visitor.api.getTimeBuckets({ albumId: album.id });
  assert.ok(buckets.length > 0);
  const month = await visitor.api.getTimeBucket({
    albumId: album.id,
    timeBucket: buckets[0].timeBucket,
  });
  assert.ok(month.id.includes(first));
  for (const path of [
    `thumbnail?size=preview&${query}`,
    `thumbnail?${query}`,
    `original?${query}`,
  ]) {
    assert.equal((await visitor.load(`/assets/${first}/${path}`)).response.status, 200, path);
  }
  const shown = await visitor.api.getAssetInfo({ id: first });
  assert.deepEqual([shown.people, shown.owner], [[], undefined]);
  assert.deepEqual(
    (await visitor.api.getAlbumMapMarkers({ id: album.id })).map((one) => one.id),
    [first],
  );
  const info = await visitor.api.getDownloadInfo({ downloadInfoDto: { albumId: album.id } });
  assert.deepEqual(new Set(info.archives[0].assetIds).has(second), true);
  const archive = await visitor.api.downloadArchive({
    downloadArchiveDto: { assetIds: [first, second] },
  });
  assert.equal(
    Buffer.from(await archive.arrayBuffer())
      .subarray(0, 2)
      .toString(),
    'PK',
  );
  assert.equal((await refusal(visitor.api.getAssetInfo({ id: third })))[0], 400);
  assert.equal((await visitor.load(`/assets/${third}/thumbnail?${query}`)).response.status, 400);
  assert.equal((await refusal(visitor.api.getAllAlbums({})))[0], 401);
  assert.equal((await visitor.load(`/albums?${query}`)).response.status, 403);
}

// A visitor's upload goes into the album, where its owner finds it.
const visitor = new Page({ key: link.key });
await visitor.api.sharedLinkLogin({ sharedLinkLoginDto: { password: 'sesame' } });
const told = page.hears(
  'on_upload_success',
  (asset) => asset.originalFileName === basename(pictures[3]),
);
const sent = await visitor.send(readFileSync(pictures[3]), basename(pictures[3]));
assert.equal((await told)[0].ownerId, page.user.id);
assert.deepEqual(
  (await api.getAllAlbums({ assetId: sent.id })).map((one) => one.id),
  [album.id],
);

// Single pictures, without what is known of them, and not to be kept.
const plain = await make({ type: 'INDIVIDUAL', assetIds: [first], showMetadata: false });
assert.equal(plain.allowDownload, false);
const stranger = new Page({ key: plain.key });
const mine = await stranger.api.getMySharedLink();
assert.deepEqual(
  mine.assets.map((one) => one.id),
  [first],
);
assert.equal((await stranger.api.getAssetInfo({ id: first })).exifInfo, undefined);
assert.equal(
  (await refusal(stranger.api.getDownloadInfo({ downloadInfoDto: { assetIds: [first] } })))[0],
  400,
);
const more = await api.addSharedLinkAssets({
  id: plain.id,
  assetIdsDto: { assetIds: [first, third] },
});
assert.deepEqual(more, [
  { assetId: first, success: false, error: 'duplicate' },
  { assetId: third, success: true },
]);
assert.equal((await stranger.api.getMySharedLink()).assets.length, 2);
await api.removeSharedLinkAssets({ id: plain.id, assetIdsDto: { assetIds: [first] } });
const changed = await api.updateSharedLink({
  id: plain.id,
  sharedLinkEditDto: { description: 'One', allowDownload: true, showMetadata: true },
});
assert.deepEqual([changed.description, changed.allowDownload], ['One', true]);
assert.deepEqual(
  (await api.getAllSharedLinks({})).filter((one) => [link.id, plain.id].includes(one.id)).length,
  2,
);
assert.deepEqual(
  (await api.getAllSharedLinks({ albumId: album.id })).map((one) => one.id),
  [link.id],
);
assert.equal((await api.getSharedLinkById({ id: link.id })).slug, link.slug);
await api.removeSharedLink({ id: plain.id });
assert.deepEqual(await refusal(stranger.api.getMySharedLink()), [401, 'Invalid share key']);
page.close();
