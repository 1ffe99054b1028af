import { I18nProvider, type I18nProviderProps, importMessages } from '@cloudscape-design/components/i18n';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import {
  fill,
  type Key,
  type Locale,
  loadMessages,
  type Messages,
  type Translate,
  type Values,
} from './messages';

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

interface Loaded {
  locale: Locale;
  texts: Messages;
  components: readonly I18nProviderProps.Messages[];
}

/** LanguageOf gives the components and the pages their language. Until another one is loaded, the one before stays. */
export function LanguageOf({ children }: { children: ReactNode }) {
  const [locale, setLocale] = useState(preferred);
  const [loaded, setLoaded] = useState<Loaded>();
  useEffect(() => {
    let current = true;
    const load = async () => {
      const [texts, components] = await Promise.all([loadMessages(locale), importMessages(locale)]);
      if (!current) return;
      document.documentElement.lang = locale;
      setLoaded({ locale, texts, components });
    };
    void load();
    return () => {
      current = false;
    };
  }, [locale]);
  const choose = useCallback((next: Locale) => {
    localStorage.setItem('nifuda.locale', next);
    setLocale(next);
  }, []);
  const language = useMemo(
    () =>
      loaded && {
        locale: loaded.locale,
        choose,
        t: (key: Key, values: Values = {}) => fill(loaded.texts[key], values),
      },
    [loaded, choose],
  );
  if (!loaded || !language) return null;
  return (
    <I18nProvider locale={loaded.locale} messages={loaded.components}>
      <Context.Provider value={language}>{children}</Context.Provider>
    </I18nProvider>
  );
}
