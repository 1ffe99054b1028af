import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { type ReactNode, useState } from 'react';
import ErrorAlert from '../components/ErrorAlert';
import RegionField from '../components/RegionField';
import { useLanguage } from '../i18n';
import { validRegion } from '../lib/regions';

export interface RegionChoice {
  value: string;
  onChange: (region: string) => void;
}

interface Properties {
  region: RegionChoice;
  /** Whether all fields have what is needed. */
  ready: boolean;
  children: ReactNode;
  submit: () => Promise<void>;
}

/** SignInFields are the fields of one way to sign in, with the region and the button. */
export default function SignInFields({ region, ready, children, submit }: Properties) {
  const { t } = useLanguage();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const send = async () => {
    if (busy || !ready || !validRegion(region.value)) return;
    setBusy(true);
    setError(undefined);
    try {
      await submit();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        void send();
      }}
    >
      <SpaceBetween size="l">
        <ErrorAlert error={error} />
        {children}
        <RegionField {...region} />
        <Button variant="primary" loading={busy} formAction="submit" fullWidth>
          {t('signin.submit')}
        </Button>
      </SpaceBetween>
    </form>
  );
}
