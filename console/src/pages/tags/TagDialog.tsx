import Alert from '@cloudscape-design/components/alert';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import { useEffect, useState } from 'react';
import { useClients } from '../../api/clients';
import ErrorAlert from '../../components/ErrorAlert';
import { useNotify } from '../../components/notices';
import { useLanguage } from '../../i18n';
import { useLoad } from '../../lib/load';
import ActionDialog from './ActionDialog';
import { setTag } from './api';
import { promoteCommands, setCommands } from './commands';
import { Moves, OutlookView } from './OutlookView';
import { checkTag, outlook } from './outlook';
import { MountError, promote } from './promote';
import { TagSuggestions } from './TagSuggestions';
import { useKnown } from './useKnown';

interface Properties {
  repository: string;
  /** The tag that is moved; without it, one is asked for. */
  tag?: string;
  /** What it shall point at, a digest or another tag; without it, that is asked for. */
  digest?: string;
  visible: boolean;
  onClose: () => void;
  onDone: () => void;
}

/** TagDialog points a new or an existing tag at an image, of this or another repository, and shows before what would become of it. */
export default function TagDialog({ repository, tag: fixed, digest, visible, onClose, onDone }: Properties) {
  const { t } = useLanguage();
  const clients = useClients();
  const notify = useNotify();
  const [tag, setTagName] = useState(fixed ?? '');
  const [reference, setReference] = useState(digest ?? '');
  const [target, setTarget] = useState(repository);
  useEffect(() => {
    if (!visible) return;
    setTagName(fixed ?? '');
    setReference(digest ?? '');
    setTarget(repository);
  }, [visible, fixed, digest, repository]);

  const question = { repository: target, tag, from: repository, reference };
  const { data: known, error } = useKnown(visible, question);
  const current = known && same(known.question, question) ? known : null;
  const problem = checkTag(tag);
  const then = current?.then?.digest;
  const result =
    current && then && !problem ? outlook(current.setting, tag, current.now?.digest, then) : null;
  const elsewhere = target !== repository;

  const submit = async () => {
    if (!then) return;
    try {
      if (elsewhere) await promote(clients, { from: repository, to: target }, then, tag);
      else await setTag(clients, repository, tag, then);
    } catch (failure) {
      if (failure instanceof MountError) throw new Error(t('tags.notMounted', { digest: failure.message }));
      throw failure;
    }
    notify('success', t('tags.pointed', { tag, repository: target }));
    onDone();
    onClose();
  };
  return (
    <ActionDialog
      visible={visible}
      header={fixed ? t('tags.moveTitle', { tag: fixed }) : t('tags.addTitle')}
      submit={t(result?.result === 'moves' ? 'tags.move' : 'tags.add')}
      disabled={!result || result.result === 'same' || result.result === 'blocked'}
      commands={
        elsewhere
          ? promoteCommands(repository, reference, target, tag)
          : setCommands(repository, reference, tag)
      }
      onSubmit={submit}
      onClose={onClose}
    >
      {!fixed && (
        <FormField
          label={t('tags.name')}
          constraintText={t('tags.nameRule')}
          errorText={tag && problem && t(`tags.name.${problem}`)}
        >
          <Input
            value={tag}
            onChange={(e) => setTagName(e.detail.value)}
            autoComplete={false}
            spellcheck={false}
          />
        </FormField>
      )}
      {!digest && (
        <FormField
          label={t('tags.reference')}
          description={t('tags.referenceHint')}
          errorText={current && reference && !current.then && t('tags.noSuchImage')}
        >
          <TagSuggestions
            repository={repository}
            value={reference}
            onChange={setReference}
            label={t('tags.reference')}
          />
        </FormField>
      )}
      {!fixed && (
        <FormField label={t('tags.target')} description={t('tags.targetHint')}>
          <RepositoryChoice value={target} onChange={setTarget} active={visible} />
        </FormField>
      )}
      {elsewhere && <Alert type="info">{t('tags.promoteHint')}</Alert>}
      <ErrorAlert error={error} />
      {current && (current.now || current.then) && <Moves now={current.now} then={current.then} />}
      {current && result && <OutlookView outlook={result} setting={current.setting} tag={tag} />}
    </ActionDialog>
  );
}

function same<T extends object>(a: T, b: T) {
  return (Object.keys(a) as (keyof T)[]).every((key) => a[key] === b[key]);
}

// What is chosen exists, so that nothing is asked about half a name.
function RepositoryChoice({
  value,
  onChange,
  active,
}: {
  value: string;
  onChange: (value: string) => void;
  active: boolean;
}) {
  const { t } = useLanguage();
  const { own } = useClients();
  const [query, setQuery] = useState('');
  const { data, loading } = useLoad(
    async (signal) => {
      if (!active) return [];
      const input = { Query: query || undefined, MaxResults: 50 };
      return (await own('SearchRepositories', input, signal)).Repositories;
    },
    [own, query, active],
  );
  return (
    <Select
      selectedOption={{ value, label: value }}
      options={(data ?? []).map(({ RepositoryName }) => ({ value: RepositoryName, label: RepositoryName }))}
      filteringType="manual"
      filteringAriaLabel={t('tags.findRepository')}
      onLoadItems={(e) => setQuery(e.detail.filteringText)}
      onChange={(e) => onChange(e.detail.selectedOption.value ?? value)}
      statusType={loading ? 'loading' : 'finished'}
      loadingText={t('common.loading')}
      empty={t('tags.noMatch')}
    />
  );
}
