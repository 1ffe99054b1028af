import { useState } from 'react';
import RegionField from '../components/RegionField';
import { useLanguage } from '../i18n';
import { validRegion } from '../lib/regions';
import { chooseRegion } from '../lib/session';
import Dialog from './Dialog';

/** OtherRegion goes on in a region that is typed: all that have the form of one are there. */
export default function OtherRegion({ visible, onClose }: { visible: boolean; onClose: () => void }) {
  const { t } = useLanguage();
  const [region, setRegion] = useState('');
  const submit = () => {
    chooseRegion(region);
    onClose();
  };
  return (
    <Dialog
      visible={visible}
      header={t('shell.otherRegion')}
      action={t('shell.go')}
      disabled={!validRegion(region)}
      onSubmit={submit}
      onClose={onClose}
    >
      <RegionField value={region} onChange={setRegion} />
    </Dialog>
  );
}
