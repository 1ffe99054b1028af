import AttributeEditor from '@cloudscape-design/components/attribute-editor';
import Autosuggest, { type AutosuggestProps } from '@cloudscape-design/components/autosuggest';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useClients } from '../../../api/clients';
import { useLoad } from '../../../lib/load';
import { useTexts } from '../useTexts';
import { repositoryActions } from './actions';
import type { ContextKey, Question } from './question';

const keys = [
  'nifuda:ImageTag',
  'aws:SourceIp',
  'aws:SecureTransport',
  'aws:RequestTag/team',
  'kms:ViaService',
];

interface Properties {
  question: Question;
  onChange: (question: Question) => void;
  resourceFixed?: boolean;
}

/** QuestionFields ask who wants to do what with what. */
export default function QuestionFields({ question, onChange, resourceFixed }: Properties) {
  const { t } = useTexts();
  const set = (changes: Partial<Question>) => onChange({ ...question, ...changes });
  return (
    <SpaceBetween size="m">
      <PrincipalField value={question.principal} onChange={(principal) => set({ principal })} />
      <Suggested
        label={t('simulator.action')}
        value={question.action}
        onChange={(action) => set({ action })}
        options={repositoryActions.map((value) => ({ value }))}
      />
      <FormField label={t('simulator.resource')} stretch>
        <Input
          value={question.resource}
          readOnly={resourceFixed}
          onChange={(e) => set({ resource: e.detail.value.trim() })}
          placeholder="arn:aws:ecr:us-east-1:123456789012:repository/app"
          spellcheck={false}
        />
      </FormField>
      <FormField label={t('simulator.context')} description={t('simulator.contextText')} stretch>
        <ContextFields context={question.context} onChange={(context) => set({ context })} />
      </FormField>
    </SpaceBetween>
  );
}

function PrincipalField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useTexts();
  const { session } = useClients();
  // The client of IAM is big, and the form is of use without it.
  const { data, error, loading } = useLoad(
    async (signal) => (await import('../iam/principals')).principals(session, signal),
    [session],
  );
  const root = { value: `arn:aws:iam::${session.account}:root`, description: t('simulator.root') };
  const me = { value: session.arn, description: t('simulator.you') };
  const known = data ?? [];
  const first = session.arn === root.value ? [me] : [me, root];
  return (
    <Suggested
      label={t('simulator.principal')}
      value={value}
      onChange={onChange}
      options={[...first, ...known.filter((one) => one.value !== session.arn)]}
      statusType={error ? 'error' : loading ? 'loading' : 'finished'}
      errorText={error instanceof Error ? error.message : undefined}
    />
  );
}

interface SuggestedProperties extends Pick<AutosuggestProps, 'options' | 'statusType' | 'errorText'> {
  label: string;
  value: string;
  onChange: (value: string) => void;
}

function Suggested({ label, value, onChange, ...rest }: SuggestedProperties) {
  const { t } = useTexts();
  return (
    <FormField label={label} stretch>
      <Autosuggest
        {...rest}
        value={value}
        onChange={(e) => onChange(e.detail.value.trim())}
        enteredTextLabel={(text) => t('simulator.use', { text })}
        loadingText={t('common.loading')}
        ariaLabel={label}
      />
    </FormField>
  );
}

function ContextFields({
  context,
  onChange,
}: {
  context: ContextKey[];
  onChange: (context: ContextKey[]) => void;
}) {
  const { t } = useTexts();
  const change = (index: number, changes: Partial<ContextKey>) =>
    onChange(context.map((one, i) => (i === index ? { ...one, ...changes } : one)));
  return (
    <AttributeEditor
      items={context}
      addButtonText={t('simulator.addKey')}
      removeButtonText={t('simulator.removeKey')}
      removeButtonAriaLabel={({ key }) => `${t('simulator.removeKey')} ${key}`}
      empty={t('simulator.noKeys')}
      onAddButtonClick={() => onChange([...context, { key: '', value: '' }])}
      onRemoveButtonClick={(e) => onChange(context.filter((_, i) => i !== e.detail.itemIndex))}
      definition={[
        {
          label: t('simulator.key'),
          control: ({ key }, index) => (
            <Autosuggest
              value={key}
              onChange={(e) => change(index, { key: e.detail.value })}
              options={keys.map((value) => ({ value }))}
              enteredTextLabel={(text) => t('simulator.use', { text })}
              ariaLabel={t('simulator.key')}
            />
          ),
        },
        {
          label: t('simulator.values'),
          control: ({ value }, index) => (
            <Input
              value={value}
              onChange={(e) => change(index, { value: e.detail.value })}
              ariaLabel={t('simulator.values')}
            />
          ),
        },
      ]}
    />
  );
}
