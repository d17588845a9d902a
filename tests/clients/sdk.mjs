// The library of the official web client, once through what it calls first; prints what it got.
// It refuses a JSON call whose answer has another type. Arguments: address, e-mail, password.
import * as sdk from '@immich/sdk';

const [url, email, password] = process.argv.slice(2);
sdk.setBaseUrl(`${url}/api`);

const config = await sdk.getServerConfig();
const { accessToken, userId } = await sdk.login({ loginCredentialDto: { email, password } });
sdk.setHeader('Authorization', `Bearer ${accessToken}`);

const [me, preferences, about, features, storage, history, types, statistics] = await Promise.all([
  sdk.getMyUser(),
  sdk.getMyPreferences(),
  sdk.getAboutInfo(),
  sdk.getServerFeatures(),
  sdk.getStorage(),
  sdk.getVersionHistory(),
  sdk.getSupportedMediaTypes(),
  sdk.getAssetStatistics({}),
]);

const upload = (bytes, name) =>
  sdk.uploadAsset({
    assetMediaCreateDto: {
      assetData: new File([bytes], name),
      fileCreatedAt: new Date(0).toISOString(),
      fileModifiedAt: new Date(0).toISOString(),
      isFavorite: false,
    },
  });
const bytes = new TextEncoder().encode(`kept as it is, ${Math.random()}`);
const created = await upload(bytes, 'größer als 3".jpg');
const duplicate = await upload(bytes, 'again.jpg');
const asset = await sdk.getAssetInfo({ id: created.id });
const original = new Uint8Array(await (await sdk.downloadAsset({ id: created.id })).arrayBuffer());
await sdk.deleteAssets({ assetBulkDeleteDto: { ids: [created.id] } });
const restored = await sdk.restoreAssets({ bulkIdsDto: { ids: [created.id] } });
const refusal = await sdk.getAssetInfo({ id: crypto.randomUUID() }).catch((error) => error);
const { successful } = await sdk.logout();

console.log(
  JSON.stringify({
    statuses: [created.status, duplicate.status],
    isSameAsset: created.id === duplicate.id,
    isSameUser: me.id === userId,
    isInitialized: config.isInitialized,
    name: asset.originalFileName,
    isWhole: Buffer.compare(original, bytes) === 0,
    restored: restored.count,
    refusal: [refusal.status, refusal.data?.message],
    successful,
    objects: [preferences, about, features, storage, history, types, statistics].map((one) => typeof one),
  }),
);
