import { ListGroupsCommand } from '@aws-sdk/client-iam';
import FormField from '@cloudscape-design/components/form-field';
import Multiselect from '@cloudscape-design/components/multiselect';
import { useLoad } from '../../../lib/load';
import { useTexts } from '../useTexts';
import { useIam } from './client';

/** GroupPicker chooses groups by name. */
export default function GroupPicker({
  chosen,
  onChange,
}: {
  chosen: string[];
  onChange: (names: string[]) => void;
}) {
  const { t } = useTexts();
  const iam = useIam();
  const { data, error, loading } = useLoad(
    (abortSignal) => iam.send(new ListGroupsCommand({ MaxItems: 100 }), { abortSignal }),
    [iam],
  );
  return (
    <FormField label={t('access.groups')} stretch>
      <Multiselect
        selectedOptions={chosen.map((value) => ({ value, label: value }))}
        onChange={(e) => onChange(e.detail.selectedOptions.map(({ value = '' }) => value))}
        options={(data?.Groups ?? []).map(({ GroupName }) => ({ value: GroupName, label: GroupName }))}
        filteringType="auto"
        placeholder={t('iam.chooseGroups')}
        statusType={error ? 'error' : loading ? 'loading' : 'finished'}
        loadingText={t('common.loading')}
        errorText={error instanceof Error ? error.message : undefined}
        empty={t('iam.noGroups')}
      />
    </FormField>
  );
}
