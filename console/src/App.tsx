import AppLayout from '@cloudscape-design/components/app-layout';
import BreadcrumbGroup from '@cloudscape-design/components/breadcrumb-group';
import SideNavigation, { type SideNavigationProps } from '@cloudscape-design/components/side-navigation';
import Spinner from '@cloudscape-design/components/spinner';
import { Suspense, useEffect } from 'react';
import { ClientsOf } from './api/clients';
import { Notices, NoticesOf } from './components/notices';
import { useLanguage } from './i18n';
import type { Translate } from './i18n/messages';
import { follow, go, href, usePlace } from './lib/router';
import { useSession } from './lib/session';
import NotFound from './pages/NotFound';
import type { Route } from './pages/route';
import { routes } from './pages/routes';
import SignIn from './pages/SignIn';
import TopBar from './TopBar';

const home = '/repositories';

export default function App() {
  const session = useSession();
  return (
    <>
      <TopBar />
      {session ? (
        <ClientsOf session={session}>
          <NoticesOf>
            <Layout key={`${session.account}/${session.region}/${session.arn}`} />
          </NoticesOf>
        </ClientsOf>
      ) : (
        <SignIn />
      )}
    </>
  );
}

function Layout() {
  const { t } = useLanguage();
  const { path } = usePlace();
  useEffect(() => {
    if (path === '/') go(href(home), true);
  }, [path]);
  const route = routes.find((one) => one.path.test(path));
  const name = route?.path.exec(path)?.groups?.name ?? '';
  const title = name || t(route ? route.title : 'common.notFound');
  useEffect(() => {
    document.title = `${title} · ${t('common.title')}`;
  }, [title, t]);
  return (
    <AppLayout
      headerSelector="#top-bar"
      toolsHide
      contentType={name ? 'default' : 'table'}
      ariaLabels={{
        navigation: t('common.navigation'),
        navigationToggle: t('common.openNavigation'),
        navigationClose: t('common.closeNavigation'),
      }}
      breadcrumbs={<BreadcrumbGroup items={crumbs(route, path, title, t)} onFollow={follow} />}
      notifications={<Notices />}
      navigation={
        <SideNavigation
          header={{ text: t('common.title'), href: href(home) }}
          activeHref={href(route?.parent?.href ?? path)}
          items={navigation(t)}
          onFollow={follow}
        />
      }
      content={
        <Suspense fallback={<Spinner size="large" />}>
          {route ? <route.page key={path} name={name} /> : <NotFound />}
        </Suspense>
      }
    />
  );
}

function crumbs(route: Route | undefined, path: string, title: string, t: Translate) {
  const above = route?.parent ? [{ text: t(route.parent.title), href: href(route.parent.href) }] : [];
  return [{ text: t('common.title'), href: href(home) }, ...above, { text: title, href: href(path) }];
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
