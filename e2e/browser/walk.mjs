// Walks through a day with the console: a repository is made, pushed to by the
// commands that the console shows, protected, and what was removed comes back.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open, quiet, see, show, signIn, visit } from './browser.mjs';

const repository = 'walk/app';
const at = `/repositories/${repository}`;
const browser = await open();
const visitor = await visit(browser);
const { page } = visitor;
const button = (name, exact = true) => page.getByRole('button', { name, exact }).filter({ visible: true });
const dialog = () => page.getByRole('dialog').filter({ visible: true });

async function create() {
  await show(visitor, '/create-repository');
  await page.getByLabel('Repository name').fill('Walk/App');
  await see(page, 'Only lowercase letters');
  await page.getByLabel('Repository name').fill(repository);
  await page.getByText('Mutable with exclusions', { exact: true }).click();
  await page.getByPlaceholder('dev-*').fill('release-*');
  const tester = page.getByLabel('Would this tag be protected?');
  await tester.fill('release-1');
  await see(page, 'release-1 is protected.');
  await tester.fill('latest');
  await see(page, 'latest can be moved.');
  await button('Create').click();
  await see(page, `${repository} was created.`);
  await quiet(visitor);
}

/** push runs what the dialog shows, in a shell. */
async function push() {
  await show(visitor, at);
  await button('View push commands').first().click();
  await dialog().locator('code').first().waitFor();
  const lines = await dialog().locator('code').allInnerTexts();
  const commands = lines.filter((line) => /^(aws ecr get-login-password|docker) /.test(line));
  assert.equal(commands.length, 4, `four commands: ${lines}`);
  const directory = mkdtempSync(join(tmpdir(), 'walk-'));
  writeFileSync(join(directory, 'Dockerfile'), 'FROM scratch\nCOPY file /file\n');
  writeFileSync(join(directory, 'file'), String(Math.random()));
  for (const line of commands) {
    execFileSync('bash', ['-o', 'pipefail', '-c', line], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
  }
  await button('Close').last().click();
}

async function retag() {
  await show(visitor, `${at}?tab=tags`);
  await button('Add tag').click();
  await dialog().getByLabel('Tag name').fill('stable');
  await dialog().getByLabel('Image', { exact: true }).fill('latest');
  await dialog().getByTestId('outlook').waitFor();
  await dialog().getByRole('button', { name: 'Add tag', exact: true }).click();
  await see(page, `Tag stable of ${repository} was set.`);
}

async function protect() {
  await show(visitor, at);
  await page.getByRole('link', { name: 'Edit', exact: true }).click();
  await page.getByText('Immutable', { exact: true }).click();
  await button('Save changes').click();
  await see(page, `The changes of ${repository} were saved.`);
  await show(visitor, `${at}?tag=stable`);
  await button('Move tag').click();
  await dialog().getByLabel('Image', { exact: true }).fill('latest');
  await see(dialog(), 'Blocked: stable exists');
  await dialog().getByRole('button', { name: 'Cancel' }).click();
}

async function removeAndRestore() {
  await show(visitor, `${at}?tag=stable`);
  await button('Remove tag').click();
  await dialog().getByRole('button', { name: 'Delete', exact: true }).click();
  await see(page, 'Tag stable was removed.');
  await show(visitor, `${at}?tag=stable`);
  await page.getByRole('button', { name: /^Restore entry/ }).filter({ visible: true }).last().click();
  await dialog().getByRole('button', { name: 'Restore', exact: true }).click();
  await see(page, 'Tag stable points at');
}

await signIn(visitor, `/_console${at}?tab=tags`);
assert.ok(page.url().endsWith(`${at}?tab=tags`), `the place did not survive the sign-in: ${page.url()}`);
for (const step of [create, push, retag, push, protect, removeAndRestore]) {
  try {
    await step();
  } catch (error) {
    await page.screenshot({ path: join(tmpdir(), 'walk-failed.png') });
    throw new Error(`${step.name}: ${error.message}`);
  }
}
visitor.settled();
await browser.close();
console.log('walked');
