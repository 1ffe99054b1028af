import Autosuggest from '@cloudscape-design/components/autosuggest';
import { useClients } from '../../api/clients';
import { useLanguage } from '../../i18n';
import { shortDigest } from '../../lib/format';
import { useLoad } from '../../lib/load';
import { isDigest } from './api';

interface Properties {
  repository: string;
  value: string;
  onChange: (value: string) => void;
  label: string;
}

/** TagSuggestions takes a tag or a digest, and offers the tags that begin with what is typed. */
export function TagSuggestions({ repository, value, onChange, label }: Properties) {
  const { t } = useLanguage();
  const { own } = useClients();
  const prefix = isDigest(value) || !/^[A-Za-z0-9._-]*$/.test(value) ? undefined : value;
  const { data, loading } = useLoad(
    async (signal) => {
      if (prefix === undefined) return [];
      const input = { RepositoryName: repository, Prefix: prefix || undefined, MaxResults: 20 };
      return (await own('SearchTags', input, signal)).Tags;
    },
    [own, repository, prefix],
  );
  return (
    <Autosuggest
      value={value}
      onChange={(e) => onChange(e.detail.value.trim())}
      options={(data ?? []).map((tag) => ({
        value: tag.ImageTag,
        description: shortDigest(tag.ImageDigest),
      }))}
      filteringType="manual"
      statusType={loading ? 'loading' : 'finished'}
      loadingText={t('common.loading')}
      empty={t('tags.noMatch')}
      enteredTextLabel={(text) => t('tags.use', { text })}
      ariaLabel={label}
    />
  );
}
