// Opens every page that shows what others wrote: it must be there as text, and run
// nothing.
import assert from 'node:assert/strict';
import { open, quiet, show, signIn, visit } from './browser.mjs';

const { PAGES: pages, MARK: mark } = process.env;

const browser = await open();
const visitor = await visit(browser);
const { page } = visitor;
page.on('dialog', (dialog) => visitor.wrong.push(`a dialog: ${dialog.message()}`));
await signIn(visitor);
let shown = 0;
for (const path of JSON.parse(pages)) {
  await show(visitor, path);
  for (const unfold of await page.locator('[aria-expanded=false]:visible').all()) {
    if (await unfold.isVisible().catch(() => false)) await unfold.click({ timeout: 2000 }).catch(() => {});
    await page.keyboard.press('Escape');
  }
  await quiet(visitor);
  shown += (await page.locator('body').innerText()).split(mark).length - 1;
  assert.equal(await page.evaluate(() => window.hacked), undefined, `${path} ran what somebody wrote`);
  assert.equal(await page.locator('img[src="x"], [onerror], [onload]').count(), 0, `${path} has an element that somebody wrote`);
}
assert.ok(shown > 0, 'nothing that was planted is shown anywhere');
visitor.settled();
await browser.close();
console.log(`${shown} hostile texts shown as text`);
