import { GetAccountSettingCommand, PutAccountSettingCommand } from '@aws-sdk/client-ecr';
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import RadioGroup from '@cloudscape-design/components/radio-group';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';
import { useClients } from '../../../api/clients';
import ErrorAlert from '../../../components/ErrorAlert';
import { useLoad } from '../../../lib/load';
import StepDialog from '../StepDialog';
import { step } from '../steps';
import { useTexts } from '../useTexts';
import { type SettingName, settingNames, settings } from './names';

/** Settings are the account settings of the region. */
export default function Settings() {
  const { t } = useTexts();
  const { ecr } = useClients();
  const [edited, setEdited] = useState<SettingName>('ANONYMOUS_PULL');
  const [editing, setEditing] = useState(false);
  const [chosen, setChosen] = useState('');
  const { data, error, loading, reload } = useLoad(
    (abortSignal) =>
      Promise.all(
        settingNames.map(async (name) => {
          const { value = '' } = await ecr.send(new GetAccountSettingCommand({ name }), { abortSignal });
          return { name, value };
        }),
      ),
    [ecr],
  );
  const put = step('ecr', 'put-account-setting', { name: edited, value: chosen }, (i) =>
    ecr.send(new PutAccountSettingCommand(i)),
  );
  return (
    <SpaceBetween size="m">
      <ErrorAlert error={error} retry={reload} />
      <Table
        items={data ?? []}
        trackBy="name"
        loading={loading && !data}
        loadingText={t('common.loading')}
        wrapLines
        ariaLabels={{ tableLabel: t('settings.region') }}
        header={
          <Header variant="h2" description={t('settings.regionText')}>
            {t('settings.region')}
          </Header>
        }
        columnDefinitions={[
          {
            id: 'name',
            header: t('settings.name'),
            isRowHeader: true,
            minWidth: 240,
            cell: ({ name }) => <span className="secret">{name}</span>,
          },
          { id: 'value', header: t('settings.value'), minWidth: 110, cell: ({ value }) => value },
          {
            id: 'text',
            header: t('iam.description'),
            minWidth: 200,
            cell: ({ name }) => t(`settings.${name}`),
          },
          {
            id: 'action',
            header: t('iam.actions'),
            minWidth: 100,
            cell: ({ name, value }) =>
              settings[name].length > 1 && (
                <Button
                  variant="inline-link"
                  ariaLabel={`${t('common.edit')} ${name}`}
                  onClick={() => {
                    setEdited(name);
                    setChosen(value);
                    setEditing(true);
                  }}
                >
                  {t('common.edit')}
                </Button>
              ),
          },
        ]}
      />
      <StepDialog
        visible={editing}
        header={edited}
        submit={t('common.save')}
        steps={[put]}
        onClose={() => setEditing(false)}
        onDone={reload}
      >
        <SpaceBetween size="m">
          {t(`settings.${edited}`)}
          <RadioGroup
            ariaLabel={edited}
            value={chosen}
            onChange={(e) => setChosen(e.detail.value)}
            items={settings[edited].map((value) => ({ value, label: value }))}
          />
          {edited === 'ANONYMOUS_PULL' && chosen === 'ENABLED' && (
            <Alert type="warning">{t('settings.anonymousWarning')}</Alert>
          )}
        </SpaceBetween>
      </StepDialog>
    </SpaceBetween>
  );
}
