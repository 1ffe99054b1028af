import { useCallback } from 'react';
import { useLanguage } from '../../i18n';
import { fill, type Key, type Values } from '../../i18n/messages';
import { texts } from './texts';

/** A TextKey is a text of these pages, or one that all pages have. */
export type TextKey = keyof typeof texts.en | Key;
export type TranslateText = (key: TextKey, values?: Values) => string;

const isOwn = (key: TextKey): key is keyof typeof texts.en => key in texts.en;

/** useTexts is useLanguage with the texts of these pages, which are loaded with them. */
export function useTexts() {
  const { t: common, locale } = useLanguage();
  const t = useCallback<TranslateText>(
    (key, values = {}) => (isOwn(key) ? fill(texts[locale][key], values) : common(key, values)),
    [common, locale],
  );
  return { t, locale };
}
