import Button from '@cloudscape-design/components/button';
import { useState } from 'react';
import { useLanguage } from '../../i18n';

const short = 400;

/** LongText shows the beginning of a text that somebody else wrote, and all of it on demand. */
export default function LongText({ text }: { text: string }) {
  const { t } = useLanguage();
  const [whole, setWhole] = useState(false);
  if (text.length <= short) return <span className="anywhere">{text}</span>;
  return (
    <span className="anywhere">
      {whole ? text : `${text.slice(0, short)}…`}{' '}
      <Button variant="inline-link" onClick={() => setWhole(!whole)}>
        {t(whole ? 'images.less' : 'images.all')}
      </Button>
    </span>
  );
}
