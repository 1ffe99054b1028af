import './insight.css';
import Events from './Events';

/** ActivityTab shows what happened to one repository. */
export default function ActivityTab({ repository }: { repository: string }) {
  return <Events repository={repository} />;
}
