import Button from '@cloudscape-design/components/button';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMemo, useState } from 'react';
import { useLanguage } from '../../i18n';
import { pretty } from '../../lib/json';

// More would make the page slow; it can be copied and downloaded all the same.
const most = 500_000;
const beginning = 20_000;

function save(text: string, name: string) {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

interface Properties {
  json: string;
  /** What the file is called that it is saved as. */
  name: string;
  label: string;
}

/** JsonView shows a JSON document. What is copied and saved is the document as it is stored, byte for byte. */
export default function JsonView({ json, name, label }: Properties) {
  const { t } = useLanguage();
  const [whole, setWhole] = useState(false);
  const shown = useMemo(() => pretty(json), [json]);
  return (
    <SpaceBetween size="s">
      <SpaceBetween direction="horizontal" size="xs">
        <CopyToClipboard
          textToCopy={json}
          copyButtonText={t('common.copy')}
          copyButtonAriaLabel={`${t('common.copy')} ${label}`}
          copySuccessText={t('common.copied')}
          copyErrorText={t('common.copyFailed')}
        />
        <Button iconName="download" onClick={() => save(json, name)}>
          {t('images.download')}
        </Button>
      </SpaceBetween>
      <pre className="json">{shown.slice(0, whole ? most : beginning)}</pre>
      {!whole && shown.length > beginning && (
        <Button onClick={() => setWhole(true)}>{t('images.all')}</Button>
      )}
      {whole && shown.length > most && <span>{t('images.cut')}</span>}
    </SpaceBetween>
  );
}
