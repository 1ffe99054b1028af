// Looks at each screen in each language, color and width: nothing may be wrong for
// who cannot see it, and nothing may need to be scrolled sideways. With SHOTS it
// keeps pictures of the main ones there.
import { mkdirSync } from 'node:fs';
import { accessible, fits, narrow, open, quiet, signIn, visit, wide } from './browser.mjs';

const { DIGEST: digest, SHOTS: shots } = process.env;
const app = '/repositories/team/app';

// The screens, the main ones with the name of their picture.
const screens = [
  { path: '/dashboard', shot: 'dashboard' },
  { path: '/repositories', shot: 'repositories' },
  { path: '/create-repository' },
  { path: app, shot: 'images' },
  { path: `${app}?edit=1` },
  { path: `${app}?image=${encodeURIComponent(digest)}`, shot: 'image' },
  { path: `${app}?tab=tags` },
  { path: `${app}?tag=prod`, shot: 'timeline' },
  { path: `${app}?compare=${encodeURIComponent('v1..v2')}`, shot: 'diff' },
  { path: `${app}?tab=deleted` },
  { path: `${app}?tab=permissions`, shot: 'permissions' },
  { path: `${app}?tab=activity` },
  { path: '/deleted-repositories' },
  { path: '/storage', shot: 'storage' },
  { path: '/activity', shot: 'activity' },
  { path: '/registry-policy' },
  { path: '/simulator' },
  { path: '/users', shot: 'users' },
  { path: '/users/ci' },
  { path: '/groups' },
  { path: '/roles' },
  { path: '/policies' },
  { path: '/kms' },
  { path: '/settings' },
  { path: '/nowhere' },
];

const looks = [
  { name: 'English, light, wide', locale: 'en-US', colorScheme: 'light', viewport: wide, pictures: true },
  { name: 'Japanese, dark, narrow', locale: 'ja-JP', colorScheme: 'dark', viewport: narrow },
  { name: 'Japanese, light, 4k', locale: 'ja-JP', colorScheme: 'light', viewport: { width: 3840, height: 2160 } },
  { name: 'English, dark, narrow', locale: 'en-US', colorScheme: 'dark', viewport: narrow },
];

const problems = [];
async function attempt(check) {
  try {
    await check();
  } catch (error) {
    problems.push(error.message);
  }
}

if (shots) mkdirSync(shots, { recursive: true });
const browser = await open();
for (const look of looks) {
  const visitor = await visit(browser, look);
  const { page } = visitor;
  await page.goto(`${visitor.origin}/_console/`);
  await page.locator('input[name=access-key-id]').waitFor();
  await attempt(() => accessible(page, `sign-in, ${look.name}`));
  await attempt(() => fits(page, `sign-in, ${look.name}`));
  if (shots && look.pictures) await page.screenshot({ path: `${shots}/sign-in.png` });
  await signIn(visitor);
  for (const { path, shot } of screens) {
    const what = `${path}, ${look.name}`;
    await page.goto(`${visitor.origin}/_console${path}`);
    await quiet(page);
    await attempt(() => accessible(page, what));
    await attempt(() => fits(page, what));
    if (shots && shot && look.pictures) await page.screenshot({ path: `${shots}/${shot}.png` });
  }
  if (shots && look.name.startsWith('Japanese, dark')) await page.screenshot({ path: `${shots}/narrow.png` });
  await attempt(visitor.settled);
  await visitor.context.close();
}
await browser.close();
if (problems.length > 0) {
  console.error(problems.join('\n\n'));
  process.exit(1);
}
console.log(`${screens.length} screens looked at in ${looks.length} ways`);
