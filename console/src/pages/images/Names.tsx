import { useLanguage } from '../../i18n';

// Longer lists are cut: what is left is counted.
const most = 100;

/** Names lists what is called by a name. */
export default function Names({ names }: { names: string[] }) {
  const { t } = useLanguage();
  const different = [...new Set(names)];
  return (
    <ul className="names">
      {different.slice(0, most).map((name) => (
        <li key={name}>{name}</li>
      ))}
      {different.length > most && <li>{t('images.more', { n: different.length - most })}</li>}
    </ul>
  );
}
