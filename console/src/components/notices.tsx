import Flashbar, { type FlashbarProps } from '@cloudscape-design/components/flashbar';
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from 'react';
import { useLanguage } from '../i18n';

type Notify = (type: FlashbarProps.Type, content: ReactNode) => void;

const NotifyContext = createContext<Notify>(() => {});
const ShownContext = createContext<FlashbarProps.MessageDefinition[]>([]);

/** useNotify shows a message above the page, which stays until it is dismissed. */
export const useNotify = () => useContext(NotifyContext);

let last = 0;

export function NoticesOf({ children }: { children: ReactNode }) {
  const { t } = useLanguage();
  const [shown, setShown] = useState<FlashbarProps.MessageDefinition[]>([]);
  const dismiss = useCallback((id: string) => setShown((all) => all.filter((one) => one.id !== id)), []);
  const dismissLabel = t('common.dismiss');
  const notify = useCallback<Notify>(
    (type, content) => {
      const id = String(++last);
      const one = { id, type, content, dismissible: true, dismissLabel, onDismiss: () => dismiss(id) };
      setShown((all) => [one, ...all].slice(0, 5));
    },
    [dismiss, dismissLabel],
  );
  const value = useMemo(() => notify, [notify]);
  return (
    <NotifyContext.Provider value={value}>
      <ShownContext.Provider value={shown}>{children}</ShownContext.Provider>
    </NotifyContext.Provider>
  );
}

/** Notices are where the messages are shown. */
export function Notices() {
  return <Flashbar items={useContext(ShownContext)} stackItems />;
}
