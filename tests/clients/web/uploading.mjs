// Pictures go up while a second page of the same person is open, and are looked at in the viewer.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Page, refusal, show } from './page.mjs';

const { email, password, pictures, still, motion } = JSON.parse(process.env.WEB);
const page = await new Page().logIn(email, password);
const other = await new Page().logIn(email, password);
await Promise.all([page.connect(), other.connect()]);

const { image, video, sidecar } = await page.api.getSupportedMediaTypes();
assert.ok(['.jpg', '.heic', '.avif'].every((one) => image.includes(one)));
assert.ok(video.includes('.mov') && sidecar.includes('.xmp'));

for (const path of pictures) {
  const seen = other.hears(
    'on_upload_success',
    (asset) => asset.originalFileName === basename(path),
  );
  const [id] = await show(page, [path]);
  const [told] = await seen;
  assert.equal(told.ownerId, page.user.id);
  assert.ok(told.thumbhash && told.width && told.height, path);
  const again = await page.upload(path);
  assert.deepEqual([again.id, again.status, again.isTrashed], [id, 'duplicate', false]);
  await look(id, readFileSync(path));
}

// Both halves of a live photo: the film is heard of only as a part of the picture.
const film = await page.send(readFileSync(motion), basename(motion), { visibility: 'hidden' });
const [live] = await show(page, [still], { livePhotoVideoId: film.id });
const asset = await page.api.getAssetInfo({ id: live });
assert.equal(asset.livePhotoVideoId, film.id);
assert.equal((await page.api.getAssetInfo({ id: film.id })).visibility, 'hidden');
assert.ok(!other.heard.some(([name, told]) => name === 'on_upload_success' && told.id === film.id));
const part = await page.load(`/assets/${film.id}/video/playback`, { range: 'bytes=0-9' });
assert.equal(part.response.status, 206);
assert.deepEqual(part.bytes, readFileSync(motion).subarray(0, 10));

assert.deepEqual(await refusal(page.send(Buffer.from('no'), 'notes.exe')), [
  400,
  'Unsupported file type notes.exe',
]);
page.close();
other.close();

async function look(id, bytes) {
  const asset = await page.api.getAssetInfo({ id });
  assert.equal(asset.owner.id, page.user.id);
  assert.equal(asset.exifInfo.fileSizeInByte, bytes.length);
  for (const [size, kind] of [
    ['thumbnail', 'image/webp'],
    ['preview', 'image/jpeg'],
  ]) {
    const query = `size=${size}&c=${encodeURIComponent(asset.thumbhash)}`;
    const { response } = await page.load(`/assets/${id}/thumbnail?${query}`);
    assert.deepEqual([response.status, response.headers.get('content-type')], [200, kind]);
    assert.match(response.headers.get('cache-control'), /^private, max-age=\d+/);
    const kept = await page.load(`/assets/${id}/thumbnail?${query}`, {
      'if-none-match': response.headers.get('etag'),
    });
    assert.equal(kept.response.status, 304);
  }
  const original = await page.load(`/assets/${id}/original`);
  assert.ok(original.bytes.equals(bytes));
  assert.match(original.response.headers.get('content-disposition'), /filename/);
  const part = await page.load(`/assets/${id}/original`, { range: 'bytes=2-5' });
  assert.equal(part.response.headers.get('content-range'), `bytes 2-5/${bytes.length}`);
  assert.deepEqual(part.bytes, bytes.subarray(2, 6));
  assert.deepEqual(await page.api.getAllAlbums({ assetId: id }), []);
  assert.deepEqual(await page.api.getFaces({ id }), []);
  assert.deepEqual(await page.api.getAssetOcr({ id }), []);
  assert.deepEqual(await page.api.getAssetMetadata({ id }), []);
  assert.deepEqual((await page.api.getAssetEdits({ id })).edits, []);
  assert.equal(asset.stack ?? null, null);
}
