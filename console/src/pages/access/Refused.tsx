import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import ErrorAlert from '../../components/ErrorAlert';

/** Refused is a page whose thing cannot be shown, with the words of the server. */
export default function Refused({ name, error, retry }: { name: string; error: unknown; retry: () => void }) {
  return (
    <SpaceBetween size="l">
      <Header variant="h1">{name}</Header>
      <ErrorAlert error={error} retry={retry} />
    </SpaceBetween>
  );
}
