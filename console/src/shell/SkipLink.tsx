import { focusHeading } from '../components/FocusHeading';
import { useLanguage } from '../i18n';

/** SkipLink comes first for the keyboard, and leads past the bar and the navigation. */
export default function SkipLink() {
  const { t } = useLanguage();
  return (
    <button type="button" className="skip-link" onClick={focusHeading}>
      {t('shell.skip')}
    </button>
  );
}
