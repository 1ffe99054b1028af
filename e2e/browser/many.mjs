// Compares a console on a registry with very much in it with one on a registry with
// little: it shows as soon, and keeps as little.
import assert from 'node:assert/strict';
import { open, quiet, show, signIn, visit } from './browser.mjs';

const { SMALL: small, SMALL_ID: smallId, SMALL_SECRET: smallSecret } = process.env;

const firstLoad = 550_000; // bytes on the wire until the repositories are shown
const mostRows = 100;
const views = ['/repositories', '/repositories/app', '/repositories/app?tab=tags'];

const browser = await open();

/** enter signs in on an origin and returns the visitor with the bytes that came over the wire meanwhile. */
async function enter(...signInArguments) {
  const visitor = await visit(browser, { origin: signInArguments[0] });
  const devtools = await visitor.context.newCDPSession(visitor.page);
  await devtools.send('Network.enable');
  await devtools.send('Performance.enable');
  let bytes = 0;
  devtools.on('Network.loadingFinished', (one) => (bytes += one.encodedDataLength));
  await signIn(visitor, '/_console/repositories', ...signInArguments.slice(1));
  await rows(visitor.page);
  await quiet(visitor);
  return { visitor, devtools, bytes };
}

/** rows waits for the first rows of a table and returns how many there are. */
async function rows(page) {
  await page.locator('tbody tr a').first().waitFor();
  return page.locator('tbody tr:has(a)').count();
}

/** firstRows is how many milliseconds a view takes until it has rows. */
async function firstRows({ visitor }, path) {
  await show(visitor, '/settings'); // somewhere else, where no table is
  const began = performance.now();
  await visitor.page.evaluate((address) => {
    history.pushState(null, '', address);
    dispatchEvent(new PopStateEvent('popstate'));
  }, `/_console${path}`);
  assert.ok((await rows(visitor.page)) <= mostRows);
  return performance.now() - began;
}

/** heap is how many bytes the page keeps when what nobody needs is gone. */
async function heap({ devtools }) {
  await devtools.send('HeapProfiler.collectGarbage');
  const { metrics } = await devtools.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'JSHeapUsedSize').value;
}

const few = await enter(small, smallId, smallSecret);
const many = await enter(process.env.BASE);
console.log(`first load: ${many.bytes} bytes`);
assert.ok(many.bytes <= firstLoad, `the first load has ${many.bytes} bytes, at most ${firstLoad} are allowed`);

for (const path of views) {
  const times = { few: [], many: [] };
  for (let i = 0; i < 5; i++) {
    times.few.push(await firstRows(few, path));
    times.many.push(await firstRows(many, path));
  }
  const [least, most] = [Math.min(...times.few), Math.min(...times.many)];
  console.log(`first rows of ${path}: ${most.toFixed(0)} ms of very many, ${least.toFixed(0)} ms of few`);
  assert.ok(most < 3 * least + 100, `${path} takes ${most} ms where there is very much, ${least} ms where there is little`);
}

/** turn goes to the next page of a table. */
async function turn(page) {
  const first = await page.locator('tbody tr a').first().innerText();
  await page.getByRole('button', { name: 'Next page' }).click();
  await page.waitForFunction((was) => {
    const link = document.querySelector('tbody tr a');
    return link && link.innerText !== was;
  }, first);
  assert.ok((await rows(page)) <= mostRows);
}

const { page } = many.visitor;
for (const path of ['/repositories?size=100', '/repositories/app?size=100']) {
  await show(many.visitor, path);
  for (let i = 0; i < 3; i++) await turn(page);
  const before = await heap(many);
  for (let i = 0; i < 20; i++) await turn(page);
  const after = await heap(many);
  console.log(`heap of ${path}: ${(before / 2 ** 20).toFixed(1)} MiB after 3 pages, ${(after / 2 ** 20).toFixed(1)} MiB after 23`);
  assert.ok(after < 1.3 * before, `${path} keeps ${after} bytes after 20 pages, ${before} before`);
}

few.visitor.settled();
many.visitor.settled();
await browser.close();
console.log('very much is shown like little');
