// Looks at each screen in one of the looks: nothing may be wrong for
// who cannot see it, and nothing may need to be scrolled sideways. With SHOTS it
// keeps pictures of the main ones there.
import { mkdirSync } from 'node:fs';
import { narrow, open, overflow, show, signIn, violations, visit, wide } from './browser.mjs';

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
  { path: '/groups/builders' },
  { path: '/roles' },
  { path: '/roles/deployer' },
  { path: '/policies' },
  { path: '/policies/arn:aws:iam::123456789012:policy/pull' },
  { path: '/kms' },
  { path: '/settings' },
  { path: '/nowhere' },
];

const looks = {
  plain: { locale: 'en-US', colorScheme: 'light', viewport: wide, pictures: true },
  narrow: { locale: 'ja-JP', colorScheme: 'dark', viewport: narrow },
  darkEnglish: { locale: 'en-US', colorScheme: 'dark', viewport: wide },
  large: { locale: 'ja-JP', colorScheme: 'light', viewport: { width: 3840, height: 2160 } },
};
const look = looks[process.env.LOOK];

const problems = new Map(); // to the screens that have them
const note = (problem, path) => problems.set(problem, [...(problems.get(problem) ?? []), path]);

async function inspect(page, path) {
  for (const violation of await violations(page)) note(violation, path);
  const over = await overflow(page);
  if (over > 0) note(`${over} px too wide`, path);
  if (await page.getByTestId('error').count()) note(`an error: ${await page.getByTestId('error').first().innerText()}`, path);
}

if (shots) mkdirSync(shots, { recursive: true });
const browser = await open();
const visitor = await visit(browser, look);
const { page } = visitor;
const picture = async (name) => {
  if (!shots || !look.pictures) return;
  await page.mouse.move(0, 0); // no control looks pointed at
  await page.screenshot({ path: `${shots}/${name}.png`, clip: { x: 0, y: 0, width: 1440, height: 820 } });
};

await page.goto(`${visitor.origin}/_console/`);
await page.locator('input[name=access-key-id]').waitFor();
await inspect(page, 'sign-in');
await picture('sign-in');
await signIn(visitor);
for (const { path, shot } of screens) {
  await show(visitor, path);
  await inspect(page, path);
  if (shot) await picture(shot);
}
for (const wrong of visitor.wrong) note(wrong, 'any');
await browser.close();
if (problems.size > 0) {
  for (const [problem, paths] of problems) console.error(`${problem}\n  on ${paths.join(', ')}\n`);
  process.exit(1);
}
console.log(`${screens.length} screens looked at`);
