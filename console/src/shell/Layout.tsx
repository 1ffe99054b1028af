import AppLayoutToolbar from '@cloudscape-design/components/app-layout-toolbar';
import BreadcrumbGroup from '@cloudscape-design/components/breadcrumb-group';
import SideNavigation, { type SideNavigationProps } from '@cloudscape-design/components/side-navigation';
import Spinner from '@cloudscape-design/components/spinner';
import { Suspense, useEffect, useState } from 'react';
import FocusHeading from '../components/FocusHeading';
import { Notices } from '../components/notices';
import { useLanguage } from '../i18n';
import type { Translate } from '../i18n/messages';
import { shortDigest } from '../lib/format';
import { follow, go, href, usePlace } from '../lib/router';
import { useSession } from '../lib/session';
import NotFound from '../pages/NotFound';
import type { Route } from '../pages/route';
import { routes } from '../pages/routes';
import ExpiryNotice from './ExpiryNotice';

const home = '/repositories';

/** Layout is what surrounds every page. */
export default function Layout() {
  const { t } = useLanguage();
  const session = useSession();
  const [open, setOpen] = useState(wide);
  const { path, query } = usePlace();
  useEffect(() => {
    if (path === '/') go(href(home), true);
  }, [path]);
  const route = routes.find((one) => one.path.test(path));
  const name = route?.path.exec(path)?.groups?.name ?? '';
  const trail = [...above(route, t), ...here(route, path, name, query, t)];
  const title = [...trail.map(({ text }) => text).reverse(), t('common.title')].join(' · ');
  useEffect(() => {
    document.title = title;
  }, [title]);
  const place = trail.map((one) => one.href).join(' ');
  return (
    <AppLayoutToolbar
      headerSelector="#top-bar"
      toolsHide
      navigationOpen={open}
      onNavigationChange={(e) => setOpen(e.detail.open)}
      contentType={name ? 'default' : 'table'}
      ariaLabels={{
        navigation: t('common.navigation'),
        navigationToggle: t('common.openNavigation'),
        navigationClose: t('common.closeNavigation'),
      }}
      breadcrumbs={
        <BreadcrumbGroup
          ariaLabel={t('shell.breadcrumbs')}
          items={[{ text: t('common.title'), href: href(home) }, ...trail]}
          onFollow={follow}
        />
      }
      notifications={
        <>
          <ExpiryNotice session={session} />
          <Notices />
        </>
      }
      navigation={
        <SideNavigation
          header={{ text: t('shell.navigationHeader'), href: href(home) }}
          activeHref={href(route?.parent?.href ?? path)}
          items={navigation(t)}
          onFollow={(e) => {
            follow(e);
            if (!wide()) setOpen(false);
          }}
        />
      }
      content={
        <Suspense fallback={<Spinner size="large" />}>
          {route ? <route.page key={path} name={name} /> : <NotFound />}
          <FocusHeading key={place} place={place} />
        </Suspense>
      }
    />
  );
}

// Where the navigation lies over the page, it is opened when it is wanted.
const wide = () => matchMedia('(min-width: 689px)').matches;

interface Crumb {
  text: string;
  href: string;
}

const above = (route: Route | undefined, t: Translate): Crumb[] =>
  route?.parent ? [{ text: t(route.parent.title), href: href(route.parent.href) }] : [];

// A repository, and by the query an image or a tag in it.
function here(
  route: Route | undefined,
  path: string,
  name: string,
  query: URLSearchParams,
  t: Translate,
): Crumb[] {
  const text = name || t(route ? route.title : 'common.notFound');
  const crumbs = [{ text, href: href(path) }];
  if (!name) return crumbs;
  const image = query.get('image');
  const tag = query.get('tag');
  if (image) crumbs.push({ text: shortDigest(image), href: href(path, { image }) });
  else if (tag) crumbs.push({ text: tag, href: href(path, { tag }) });
  else if (query.has('compare')) {
    const compare = query.get('compare') ?? '';
    crumbs.push({ text: t('tags.compareTitle'), href: href(path, { compare }) });
  } else if (query.has('edit')) crumbs.push({ text: t('common.edit'), href: href(path, { edit: '1' }) });
  return crumbs;
}

function navigation(t: Translate): SideNavigationProps.Item[] {
  return (['nav.registry', 'nav.insight', 'nav.access'] as const).flatMap((section) => {
    const items = routes.filter((one) => one.navigation?.section === section);
    if (items.length === 0) return [];
    return {
      type: 'section' as const,
      text: t(section),
      items: items.map((one) => ({
        type: 'link' as const,
        text: t(one.title),
        href: href(one.navigation?.href ?? '/'),
      })),
    };
  });
}
