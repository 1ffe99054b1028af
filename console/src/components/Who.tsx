import { whoIs } from '../lib/arn';

/** Who shows a principal by what people know it by, and its ARN on hovering. */
export default function Who({ arn }: { arn?: string }) {
  return arn ? <span title={arn}>{whoIs(arn)}</span> : <>–</>;
}
