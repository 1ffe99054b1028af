// Drives the console in Chromium as people do, and watches each page: nothing may
// go against the policy of the page, fail in its script, or be asked of another
// origin.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

/** Where the server under test is, and the key of its root. */
export const { BASE: base, ACCESS_KEY_ID: accessKeyId, SECRET_ACCESS_KEY: secretAccessKey } = process.env;

export const wide = { width: 1440, height: 900 };
export const narrow = { width: 390, height: 844 };

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const axeRules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** open starts a browser; args are Chromium's. */
export function open(...args) {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', ...args],
  });
}

/** visit opens a page of its own, with a language, a size and colors. */
export async function visit(browser, { locale = 'en-US', viewport = wide, colorScheme = 'light', origin = base, ...more } = {}) {
  const context = await browser.newContext({ locale, viewport, colorScheme, reducedMotion: 'reduce', ...more });
  return watch(context, await context.newPage(), origin);
}

/** watch notes what goes wrong on a page, which settled then tells. */
export async function watch(context, page, origin = base) {
  const wrong = [];
  const asking = new Set();
  await page.exposeFunction('noteViolation', (text) => wrong.push(`policy of the page: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) =>
      window.noteViolation(`${e.effectiveDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`),
    );
  });
  page.on('pageerror', (error) => wrong.push(`error: ${error.stack ?? error}`));
  page.on('console', (message) => {
    // The browser's own lines about an answer that refuses, and about a header that is for
    // secure origins, are no errors of the page.
    const own = [
      'Failed to load resource: the server responded with a status of 4',
      'The Cross-Origin-Opener-Policy header has been ignored',
    ].some((line) => message.text().startsWith(line));
    if (['error', 'warning'].includes(message.type()) && !own) wrong.push(`console: ${message.text()}`);
  });
  context.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !url.startsWith('data:') && !url.startsWith('blob:')) wrong.push(`request to ${url}`);
  });
  page.on('request', (request) => asking.add(request));
  page.on('requestfinished', (request) => asking.delete(request));
  page.on('requestfailed', (request) => asking.delete(request));
  return { context, page, origin, wrong, asking, settled: () => assert.deepEqual(wrong, []) };
}

/** signIn enters by an access key, wherever the page is. */
export async function signIn({ page, origin }, path = '/_console/', id = accessKeyId, secret = secretAccessKey) {
  await page.goto(origin + path);
  await page.locator('input[name=access-key-id]').fill(id);
  await page.locator('input[name=secret-access-key]').fill(secret);
  await page.locator('button[type=submit]').click();
  await page.locator('input[name=secret-access-key]').waitFor({ state: 'detached' });
}

/** see waits until a text is visible. */
export const see = (page, text) => page.getByText(text).filter({ visible: true }).first().waitFor();

/** show moves to a view as a click would, without loading the page anew. */
export async function show(visitor, path) {
  await visitor.page.evaluate((address) => {
    history.pushState(null, '', address);
    dispatchEvent(new PopStateEvent('popstate'));
  }, `/_console${path}`);
  await quiet(visitor);
}

/** quiet waits until nothing is being loaded, and nothing says so. */
export async function quiet({ page, asking }) {
  const busy = '[class*="awsui_rotator"], [class*="awsui_status-loading"]'; // how the components turn and say so
  await page.locator('h1').first().waitFor();
  let since = Date.now();
  for (const limit = Date.now() + 30_000; Date.now() - since < 150; ) {
    await page.waitForTimeout(30);
    if (asking.size > 0 || (await page.locator(busy).filter({ visible: true }).count()) > 0) since = Date.now();
    assert.ok(Date.now() < limit, `${page.url()} is never done: ${[...asking].map((r) => r.url())}`);
  }
}

/** violations are what axe finds on the page. */
export async function violations(page) {
  await page.evaluate(axeSource);
  return page.evaluate(async (rules) => {
    const { violations } = await window.axe.run(document, { runOnly: rules });
    return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 200)).join(' | ')}`);
  }, axeRules);
}

/** overflow is by how many pixels the page itself can be scrolled sideways. */
export const overflow = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
