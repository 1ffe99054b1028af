import TopNavigation, { type TopNavigationProps } from '@cloudscape-design/components/top-navigation';
import { applyMode, Mode } from '@cloudscape-design/global-styles';
import { useEffect, useState } from 'react';
import { useLanguage } from './i18n';
import { go, href } from './lib/router';
import { signOut, useSession } from './lib/session';

function preferredMode(): Mode {
  const stored = localStorage.getItem('nifuda.mode');
  if (stored === Mode.Dark || stored === Mode.Light) return stored;
  return matchMedia('(prefers-color-scheme: dark)').matches ? Mode.Dark : Mode.Light;
}

/** TopBar is above every page: who has signed in, the language and the colors. */
export default function TopBar() {
  const { t, locale, choose } = useLanguage();
  const session = useSession();
  const [mode, setMode] = useState(preferredMode);
  useEffect(() => {
    applyMode(mode);
    localStorage.setItem('nifuda.mode', mode);
  }, [mode]);
  const other = mode === Mode.Dark ? Mode.Light : Mode.Dark;
  const utilities: TopNavigationProps.Utility[] = [
    {
      type: 'button',
      text: t(mode === Mode.Dark ? 'common.light' : 'common.dark'),
      onClick: () => setMode(other),
    },
    {
      type: 'menu-dropdown',
      text: locale === 'ja' ? '日本語' : 'English',
      iconName: 'globe',
      title: t('common.language'),
      items: [
        { id: 'en', text: 'English' },
        { id: 'ja', text: '日本語' },
      ],
      onItemClick: (e) => choose(e.detail.id === 'ja' ? 'ja' : 'en'),
    },
  ];
  if (session) {
    utilities.push({
      type: 'menu-dropdown',
      text: session.account,
      description: session.arn,
      iconName: 'user-profile',
      items: [{ id: 'out', text: t('signin.signOut') }],
      onItemClick: signOut,
    });
  }
  return (
    <div id="top-bar">
      <TopNavigation
        identity={{
          href: href('/'),
          title: t('common.title'),
          logo: { src: '/_console/favicon.svg', alt: '' },
          onFollow: (e) => {
            e.preventDefault();
            go(href('/'));
          },
        }}
        utilities={utilities}
      />
    </div>
  );
}
