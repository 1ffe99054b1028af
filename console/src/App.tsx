import { ClientsOf } from './api/clients';
import { NoticesOf } from './components/notices';
import { useEnded, useSession } from './lib/session';
import Layout from './shell/Layout';
import SignIn from './shell/SignIn';
import SignInAgain from './shell/SignInAgain';
import SkipLink from './shell/SkipLink';
import TopBar from './shell/TopBar';

export default function App() {
  const session = useSession();
  const ended = useEnded();
  const shown = session ?? ended;
  return (
    <>
      <SkipLink />
      <TopBar />
      {shown ? (
        <ClientsOf session={shown}>
          <NoticesOf>
            <Layout key={`${shown.account}/${shown.region}/${shown.arn}`} />
          </NoticesOf>
        </ClientsOf>
      ) : (
        <SignIn />
      )}
      {ended && <SignInAgain />}
    </>
  );
}
