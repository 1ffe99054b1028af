import TopNavigation, { type TopNavigationProps } from '@cloudscape-design/components/top-navigation';
import { lazy, Suspense, useState } from 'react';
import { useLanguage } from '../i18n';
import type { Translate } from '../i18n/messages';
import { whoIs } from '../lib/arn';
import { modeChoices, useMode } from '../lib/mode';
import { continents, regions } from '../lib/regions';
import { go, href } from '../lib/router';
import { chooseRegion, leave, type Session, signOut, useSession } from '../lib/session';
import { chooseSetting } from './settings';

const SwitchRole = lazy(() => import('./SwitchRole'));
const OtherRegion = lazy(() => import('./OtherRegion'));

type Opened = 'role' | 'region';

/** TopBar is above every page: the region, the settings, and who has signed in. */
export default function TopBar() {
  const { t, locale, choose } = useLanguage();
  const session = useSession();
  const mode = useMode();
  // What was opened once stays mounted, so that the focus goes back when it closes.
  const [opened, setOpened] = useState<Opened>();
  const [visible, setVisible] = useState(false);
  const open = (what: Opened) => {
    setOpened(what);
    setVisible(true);
  };
  const close = () => setVisible(false);
  const settings: TopNavigationProps.Utility = {
    type: 'menu-dropdown',
    iconName: 'settings',
    ariaLabel: t('shell.settings'),
    title: t('shell.settings'),
    items: [
      {
        id: 'modes',
        text: t('shell.mode'),
        items: modeChoices.map((id) => checkbox(id, t(`shell.${id}`), id === mode)),
      },
      {
        id: 'languages',
        text: t('common.language'),
        items: [checkbox('en', 'English', locale === 'en'), checkbox('ja', '日本語', locale === 'ja')],
      },
    ],
    onItemClick: (e) => chooseSetting(e.detail.id, choose),
  };
  const ofSession = session
    ? [regionMenu(session, t, open), settings, identityMenu(session, t, open)]
    : [settings];
  return (
    <div id="top-bar">
      <TopNavigation
        identity={{
          href: href('/'),
          title: t('common.title'),
          onFollow: (e) => {
            e.preventDefault();
            go(href('/'));
          },
        }}
        utilities={ofSession}
      />
      {session && (
        <Suspense>
          {opened === 'role' && <SwitchRole session={session} visible={visible} onClose={close} />}
          {opened === 'region' && <OtherRegion visible={visible} onClose={close} />}
        </Suspense>
      )}
    </div>
  );
}

const checkbox = (id: string, text: string, checked: boolean) => ({
  itemType: 'checkbox' as const,
  id,
  text,
  checked,
});

function regionMenu(
  session: Session,
  t: Translate,
  open: (what: Opened) => void,
): TopNavigationProps.Utility {
  return {
    type: 'menu-dropdown',
    text: session.region,
    title: t('signin.region'),
    disableTextCollapse: true,
    items: [
      { id: 'other', text: t('shell.otherRegion') },
      ...continents.map((continent) => ({
        id: continent,
        text: t(`shell.${continent}`),
        items: regions[continent].map((id) => checkbox(id, id, id === session.region)),
      })),
    ],
    onItemClick: (e) => (e.detail.id === 'other' ? open('region') : chooseRegion(e.detail.id)),
  };
}

function identityMenu(
  session: Session,
  t: Translate,
  open: (what: Opened) => void,
): TopNavigationProps.Utility {
  const back = { id: 'leave', text: t('shell.leaveRole', { who: whoIs(session.from?.arn ?? '') }) };
  return {
    type: 'menu-dropdown',
    text: whoIs(session.arn),
    title: t('shell.account', { account: session.account }),
    description: session.arn,
    iconName: session.from ? 'user-profile-active' : 'user-profile',
    items: [
      {
        id: 'account',
        text: t('shell.account', { account: session.account }),
        items: [
          { id: 'role', text: t('shell.switchRole') },
          ...(session.from ? [back] : []),
          { id: 'out', text: t('signin.signOut') },
        ],
      },
    ],
    onItemClick: ({ detail: { id } }) => {
      if (id === 'role') open('role');
      else if (id === 'leave') leave();
      else signOut();
    },
  };
}
