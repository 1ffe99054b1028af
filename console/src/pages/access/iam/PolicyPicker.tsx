import { ListPoliciesCommand } from '@aws-sdk/client-iam';
import FormField from '@cloudscape-design/components/form-field';
import Multiselect from '@cloudscape-design/components/multiselect';
import { useLoad } from '../../../lib/load';
import { useTexts } from '../useTexts';
import { useIam } from './client';

interface Properties {
  label: string;
  chosen: string[];
  onChange: (arns: string[]) => void;
  /** How many may be chosen. */
  most?: number;
}

/** PolicyPicker chooses managed policies: own ones first, then those of AWS. */
export default function PolicyPicker({ label, chosen, onChange, most }: Properties) {
  const { t } = useTexts();
  const iam = useIam();
  const { data, error, loading } = useLoad(
    async (abortSignal) => {
      const [own, aws] = await Promise.all(
        (['Local', 'AWS'] as const).map((Scope) =>
          iam.send(new ListPoliciesCommand({ Scope, MaxItems: 100 }), { abortSignal }),
        ),
      );
      return [...(own.Policies ?? []), ...(aws.Policies ?? [])];
    },
    [iam],
  );
  const options = (data ?? []).map(({ Arn = '', PolicyName }) => ({
    value: Arn,
    label: PolicyName,
    description: Arn,
  }));
  const choose = (arns: string[]) => onChange(most ? arns.slice(-most) : arns);
  return (
    <FormField label={label} stretch>
      <Multiselect
        selectedOptions={chosen.map(
          (value) => options.find((one) => one.value === value) ?? { value, label: value },
        )}
        onChange={(e) => choose(e.detail.selectedOptions.map(({ value = '' }) => value))}
        options={options}
        filteringType="auto"
        placeholder={t('iam.choosePolicies')}
        statusType={error ? 'error' : loading ? 'loading' : 'finished'}
        loadingText={t('common.loading')}
        errorText={error instanceof Error ? error.message : undefined}
        empty={t('iam.noPolicies')}
      />
    </FormField>
  );
}
