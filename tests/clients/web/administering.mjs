// The pages of an administrator: who uses the server, what it does, and how it is set.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Page, refusal } from './page.mjs';

const { email, password, pictures } = JSON.parse(process.env.WEB);
const page = await new Page().logIn(email, password);
await page.connect();
const { api } = page;

// A new user, who must choose a password first, and has a page of their own.
const theirs = 'carol@example.org';
const { id } = await api.createUserAdmin({
  userAdminCreateDto: {
    email: theirs,
    name: 'Carol',
    password: 'for once',
    shouldChangePassword: true,
  },
});
const carol = new Page();
const login = await carol.api.login({
  loginCredentialDto: { email: theirs, password: 'for once' },
});
assert.deepEqual([login.shouldChangePassword, login.isAdmin], [true, false]);
await carol.api.changePassword({
  changePasswordDto: { password: 'for once', newPassword: password },
});
await carol.logIn(theirs, password);
assert.equal((await refusal(carol.api.searchUsersAdmin({})))[0], 403);
await carol.connect();

const file = new File([readFileSync(pictures[0])], 'me.jpg', { type: 'image/jpeg' });
await carol.api.createProfileImage({ createProfileImageDto: { file } });
const face = await page.load(`/users/${id}/profile-image`);
assert.deepEqual([face.response.status, face.bytes.length > 0], [200, true]);
await carol.api.deleteProfileImage();
assert.equal((await carol.api.getMyUser()).profileImagePath, '');

const changed = await api.updateUserAdmin({
  id,
  userAdminUpdateDto: { quotaSizeInBytes: 1_000_000 },
});
assert.equal(changed.quotaSizeInBytes, 1_000_000);
assert.ok((await api.searchUsersAdmin({ withDeleted: true })).some((one) => one.id === id));
await Promise.all([
  api.getUserAdmin({ id }),
  api.getUserPreferencesAdmin({ id }),
  api.getUserStatisticsAdmin({ id }),
]);
assert.ok((await api.getUserSessionsAdmin({ id })).length > 0);
assert.equal((await api.deleteUserAdmin({ id, userAdminDeleteDto: {} })).status, 'deleted');
assert.equal((await refusal(carol.api.getMyUser()))[0], 401);
assert.equal((await api.restoreUserAdmin({ id })).status, 'active');

// What the server does, and what it holds.
const queues = await api.getQueues();
assert.ok(queues.some((one) => one.name === 'thumbnailGeneration'));
const hold = (isPaused) =>
  api.updateQueue({ name: 'thumbnailGeneration', queueUpdateDto: { isPaused } });
assert.equal((await hold(true)).isPaused, true);
assert.equal((await hold(false)).isPaused, false);
const { usageByUser } = await api.getServerStatistics();
assert.ok(usageByUser.some((one) => one.userId === id));

// And now for good, at once.
const gone = page.hears('on_user_delete', (gone) => gone === id);
const removed = await api.deleteUserAdmin({ id, userAdminDeleteDto: { force: true } });
assert.equal(removed.status, 'removing');
await gone;
await Promise.all([api.getConfig(), api.getConfigDefaults(), api.getStorageTemplateOptions()]);
page.close();
carol.close();
