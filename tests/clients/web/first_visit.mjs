// Nobody has been here: the administrator signs up, logs in, is welcomed, and leaves again.
import assert from 'node:assert/strict';
import { Page, refusal } from './page.mjs';

const { email, password } = JSON.parse(process.env.WEB);
const page = new Page();

const before = await page.api.getServerConfig();
assert.deepEqual([before.isInitialized, before.isOnboarded], [false, false]);
assert.equal((await page.api.getPublicConfig()).passwordLogin.enabled, true);
assert.deepEqual(await refusal(page.api.getMyUser()), [401, 'Authentication required']);

const made = await page.api.signUpAdmin({ signUpDto: { email, password, name: 'Ada' } });
assert.deepEqual([made.isAdmin, made.name], [true, 'Ada']);
assert.equal((await page.api.getServerConfig()).isInitialized, true);
assert.deepEqual(await refusal(page.logIn(email, 'another')), [401, 'Incorrect email or password']);
await page.logIn(email, password);

// The welcome: a theme, the preferences, and then it is done.
await page.api.getConfig();
await page.api.getConfigDefaults();
await page.api.updateMyPreferences({
  userPreferencesUpdateDto: { folders: { enabled: true, sidebarWeb: true } },
});
await page.api.updateAdminOnboarding({ adminOnboardingUpdateDto: { isOnboarded: true } });
await page.api.setUserOnboarding({ onboardingDto: { isOnboarded: true } });
assert.equal((await page.api.getServerConfig()).isOnboarded, true);

// What the frame around every page asks for.
const { major, minor, patch } = await page.connect();
assert.deepEqual([major, minor, patch], [3, 2, 2]);
const storage = await page.api.getStorage();
assert.equal(typeof storage.diskUseRaw, 'number');
assert.equal((await page.api.getVersionHistory())[0].version, '3.2.2');
assert.deepEqual(await page.api.getAllAlbums({}), []);
assert.deepEqual(
  await page.api.getTimeBuckets({ visibility: 'timeline', withPartners: true, withStacked: true }),
  [],
);
const now = new Date().toISOString();
for (const $for of [now.slice(0, 10), now]) {
  // 3.2, and what was before it
  assert.deepEqual(await page.api.searchMemories({ $for }), []);
}
assert.deepEqual(
  (await page.api.getSessions()).map((one) => one.current),
  [true],
);
assert.equal((await page.api.getMyPreferences()).folders.sidebarWeb, true);

// Another setting of the server reaches open pages.
const told = page.hears('on_config_update');
const config = await page.api.getConfig();
config.server.loginPageMessage = 'Welcome';
await page.api.updateConfig({ adminConfigDto: config });
await told;
assert.equal((await page.api.getServerConfig()).loginPageMessage, 'Welcome');

const ended = page.hears('on_session_delete');
const { successful, redirectUri } = await page.api.logout();
assert.deepEqual([successful, redirectUri], [true, '/auth/login?autoLaunch=0']);
await ended;
assert.deepEqual([...page.cookies.keys()], []);
page.close();
