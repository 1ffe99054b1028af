// Begins and ends sessions in the ways there are, and at the addresses by which a
// console is reached: what was being looked at stays.
import assert from 'node:assert/strict';
import { open, quiet, see, show, signIn, visit, watch } from './browser.mjs';

const { LAN: lan, TLS: tls, USER: user, USER_KEY_ID: keyId, USER_SECRET: secret, PASSWORD: password, ROLE: role } = process.env;

const place = '/_console/repositories/team/app?tab=tags';
const browser = await open('--host-resolver-rules=MAP registry.test 127.0.0.1');

const visible = (page, kind, name) => page.getByRole(kind, { name, exact: true }).filter({ visible: true });
const isAt = ({ page, origin }, address) => assert.equal(page.url(), origin + address);

/** identity opens the menu of who has signed in and chooses from it. */
async function identity(page, who, item) {
  await page.locator('#top-bar').getByRole('button', { name: who }).filter({ visible: true }).first().click();
  await page.getByRole('menuitem', { name: item }).filter({ visible: true }).first().click();
}

/** A link that is opened in a new tab needs no second sign-in. */
async function newTab(visitor) {
  const other = await watch(visitor.context, await visitor.context.newPage(), visitor.origin);
  await other.page.goto(visitor.origin + place);
  await quiet(other);
  isAt(other, place);
  await visible(other.page, 'button', 'Add tag').first().waitFor();
  await other.page.close();
  other.settled();
}

/** When a session ends, the page stays, and whoever signs in goes on there. */
async function expiry(visitor) {
  const { page } = visitor;
  await show(visitor, '/create-repository');
  // What is stored is one of twenty seconds.
  await page.evaluate(() => {
    const stored = JSON.parse(sessionStorage.getItem('nifuda.session'));
    sessionStorage.setItem('nifuda.session', JSON.stringify({ ...stored, expiration: Date.now() + 20_000 }));
  });
  await page.reload();
  await quiet(visitor);
  await page.getByLabel('Repository name').fill('half-typed');
  await see(page, 'Your session ends in a few minutes.');
  await page.getByText('Your session has ended.').waitFor();
  await page.locator('input[name=access-key-id]').fill(keyId);
  await page.locator('input[name=secret-access-key]').fill(secret);
  await page.locator('button[type=submit]').filter({ visible: true, hasText: 'Sign in' }).click();
  await page.locator('input[name=secret-access-key]').waitFor({ state: 'detached' });
  isAt(visitor, '/_console/create-repository');
  assert.equal(await page.getByLabel('Repository name').inputValue(), 'half-typed');
}

/** A role is entered and left, and what is shown follows its rights. */
async function switchRole(visitor) {
  const { page } = visitor;
  await show(visitor, '/repositories/team/app');
  await identity(page, user, 'Switch role');
  const dialog = page.getByRole('dialog').filter({ visible: true });
  await dialog.getByLabel('Role name').fill(role);
  await dialog.getByRole('button', { name: 'Switch role', exact: true }).click();
  await page.locator('#top-bar').getByText(role).filter({ visible: true }).first().waitFor();
  isAt(visitor, '/_console/repositories/team/app');
  await quiet(visitor);
  await identity(page, role, 'Switch back');
  await page.locator('#top-bar').getByText(user, { exact: true }).filter({ visible: true }).first().waitFor();
}

async function signOut(visitor) {
  await identity(visitor.page, user, 'Sign out');
  await visitor.page.locator('input[name=access-key-id]').waitFor();
  assert.equal(await visitor.page.evaluate(() => sessionStorage.getItem('nifuda.session')), null);
  assert.deepEqual(await visitor.context.cookies(), [], 'a cookie');
  assert.equal((await visitor.page.evaluate(() => JSON.stringify(localStorage))).includes('ecret'), false);
}

const visitor = await visit(browser);
await signIn(visitor, place, keyId, secret);
await quiet(visitor);
isAt(visitor, place);
for (const scene of [newTab, expiry, switchRole, signOut]) {
  await scene(visitor).catch((error) => {
    throw new Error(`${scene.name}: ${error.message}\n${visitor.wrong.join('\n')}`);
  });
}
visitor.settled();

// A refused key says so in the server's words.
const refused = await visit(browser);
await refused.page.goto(`${refused.origin}${place}`);
await refused.page.locator('input[name=access-key-id]').fill(keyId);
await refused.page.locator('input[name=secret-access-key]').fill('wrong');
await refused.page.locator('button[type=submit]').click();
await see(refused.page, 'Request ID');
refused.settled();

// A password that has to be changed is changed while signing in.
const newcomer = await visit(browser);
await newcomer.page.goto(newcomer.origin + place);
await newcomer.page.getByRole('tab', { name: 'User and password' }).click();
await newcomer.page.locator('input[name=account]').fill('123456789012');
await newcomer.page.locator('input[name=username]').fill(user);
await newcomer.page.locator('input[name=password]').fill(password);
await newcomer.page.locator('button[type=submit]').click();
await see(newcomer.page, 'A new password is needed');
await newcomer.page.locator('input[name=new-password]').fill('second-Password-2');
await newcomer.page.locator('input[name=new-password-again]').fill('second-Password-2');
await newcomer.page.locator('button[type=submit]').click();
await newcomer.page.locator('input[name=password]').waitFor({ state: 'detached' });
await quiet(newcomer);
isAt(newcomer, place);
newcomer.settled();

// On a host name without TLS, a browser keeps its own cryptography and its clipboard to itself.
for (const { origin, secure, key } of [
  { origin: lan, secure: false, key: [keyId, secret] },
  { origin: tls, secure: true, key: [process.env.TLS_KEY_ID, process.env.TLS_SECRET] },
]) {
  const other = await visit(browser, { origin, ignoreHTTPSErrors: true });
  await signIn(other, '/_console/create-repository', ...key);
  await quiet(other);
  isAt(other, '/_console/create-repository');
  assert.equal(await other.page.evaluate(() => isSecureContext), secure);
  await other.page.getByLabel('Repository name').fill('copied');
  await other.page.getByText('The same with the AWS CLI').click();
  await other.page.getByRole('button', { name: /^Copy / }).filter({ visible: true }).first().click();
  await see(other.page, 'Copied');
  other.settled();
}

await browser.close();
console.log('sessions began and ended');
