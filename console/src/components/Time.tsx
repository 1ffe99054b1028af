import { useLanguage } from '../i18n';
import { absolute, dateOf, relative } from '../lib/format';

/** Time shows how long ago something was, and when on hovering; or a word for never. */
export default function Time({ at, exact }: { at?: Date | number; exact?: boolean }) {
  const { t, locale } = useLanguage();
  if (at === undefined) return <>{t('common.never')}</>;
  const full = absolute(at, locale);
  return (
    <time dateTime={dateOf(at).toISOString()} title={full}>
      {exact ? `${full} (${relative(at, locale)})` : relative(at, locale)}
    </time>
  );
}
