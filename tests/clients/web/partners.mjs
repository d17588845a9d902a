// Partners: one shares all, the other chooses to see it among their own.
import assert from 'node:assert/strict';
import { Page, refusal, show } from './page.mjs';

const { email, password, bob: guest, pictures } = JSON.parse(process.env.WEB);
const page = await new Page().logIn(email, password);
const bob = await new Page().logIn(guest, password);
await page.connect();
const [id] = await show(page, pictures);
const main = { visibility: 'timeline', withPartners: true, withStacked: true };
const count = async (options) =>
  (await bob.api.getTimeBuckets(options)).reduce((sum, one) => sum + one.count, 0);
const before = await count(main);

assert.equal((await refusal(bob.api.getAssetInfo({ id })))[0], 400);
await page.api.createPartner({ partnerCreateDto: { sharedWithId: bob.user.id } });
assert.deepEqual(
  (await page.api.getPartners({ direction: 'shared-by' })).map((one) => one.id),
  [bob.user.id],
);
const [partner] = await bob.api.getPartners({ direction: 'shared-with' });
assert.deepEqual([partner.id, partner.inTimeline], [page.user.id, false]);
assert.equal((await bob.api.getAssetInfo({ id })).owner.id, page.user.id);
assert.ok((await count({ userId: page.user.id, visibility: 'timeline', withStacked: true })) > 0);
assert.equal(await count(main), before);
await bob.api.updatePartner({ id: page.user.id, partnerUpdateDto: { inTimeline: true } });
assert.ok((await count(main)) > before);
assert.equal((await bob.load(`/assets/${id}/original`)).response.status, 200);
assert.equal(
  (await refusal(bob.api.updateAsset({ id, updateAssetDto: { isFavorite: true } })))[0],
  400,
);
await page.api.removePartner({ id: bob.user.id });
assert.deepEqual(await bob.api.getPartners({ direction: 'shared-with' }), []);
assert.equal((await refusal(bob.api.getAssetInfo({ id })))[0], 400);
assert.equal(await count(main), before);
page.close();
