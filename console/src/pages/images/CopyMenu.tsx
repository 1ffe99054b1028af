import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import { useNotify } from '../../components/notices';
import { useLanguage } from '../../i18n';
import type { Kind } from './kinds';
import { pullCommand, pullersOf, reference } from './pull';

interface Properties {
  uri: string;
  digest: string;
  kind: Kind;
  tags: string[];
}

/** CopyMenu copies what an image is called. */
export default function CopyMenu({ uri, digest, kind, tags }: Properties) {
  const { t } = useLanguage();
  const notify = useNotify();
  const [tag] = tags;
  const [puller] = pullersOf(kind);
  const choices = [
    ...(tag
      ? [
          { id: 'tag', text: t('images.copyUriTag'), value: reference(uri, { tag, digest }) },
          { id: 'pull-tag', text: t('images.copyPullTag'), value: pullCommand(puller, uri, { tag, digest }) },
        ]
      : []),
    { id: 'uri', text: t('images.copyUriDigest'), value: reference(uri, { digest }) },
    { id: 'pull', text: t('images.copyPullDigest'), value: pullCommand(puller, uri, { digest }) },
    { id: 'digest', text: t('images.copyDigest'), value: digest },
  ];
  const copy = async (id: string) => {
    const value = choices.find((one) => one.id === id)?.value ?? '';
    try {
      await navigator.clipboard.writeText(value);
      notify('success', t('images.copied', { text: value }));
    } catch {
      notify('error', t('common.copyFailed'));
    }
  };
  return (
    <ButtonDropdown
      variant="inline-icon"
      expandToViewport
      ariaLabel={t('images.copyOf', { image: tag ?? digest })}
      items={choices.map(({ id, text, value }) => ({ id, text, secondaryText: value }))}
      onItemClick={(e) => copy(e.detail.id)}
    />
  );
}
