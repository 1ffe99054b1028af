import { I18nProvider, type I18nProviderProps, importMessages } from '@cloudscape-design/components/i18n';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { type Key, type Locale, type Translate, translate, type Values } from './messages';

interface Language {
  locale: Locale;
  choose: (locale: Locale) => void;
  t: Translate;
}

const Context = createContext<Language | null>(null);

/** useLanguage is the language of the user, and what says things in it. */
export function useLanguage(): Language {
  const language = useContext(Context);
  if (!language) throw new Error('useLanguage: outside of LanguageOf');
  return language;
}

function preferred(): Locale {
  const stored = localStorage.getItem('nifuda.locale');
  if (stored === 'en' || stored === 'ja') return stored;
  return navigator.language.startsWith('ja') ? 'ja' : 'en';
}

/** LanguageOf gives the components and the pages their language. */
export function LanguageOf({ children }: { children: ReactNode }) {
  const [locale, setLocale] = useState(preferred);
  const [components, setComponents] = useState<readonly I18nProviderProps.Messages[] | null>(null);
  useEffect(() => {
    let current = true;
    document.documentElement.lang = locale;
    importMessages(locale).then((found) => current && setComponents(found));
    return () => {
      current = false;
    };
  }, [locale]);
  const choose = useCallback((next: Locale) => {
    localStorage.setItem('nifuda.locale', next);
    setLocale(next);
  }, []);
  const language = useMemo(
    () => ({ locale, choose, t: (key: Key, values?: Values) => translate(locale, key, values) }),
    [locale, choose],
  );
  if (!components) return null;
  return (
    <I18nProvider locale={locale} messages={components}>
      <Context.Provider value={language}>{children}</Context.Provider>
    </I18nProvider>
  );
}
