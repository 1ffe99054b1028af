/** Who shows a principal by the end of its ARN, and all of it on hovering. */
export default function Who({ arn }: { arn?: string }) {
  if (!arn) return <>–</>;
  return <span title={arn}>{shortArn(arn)}</span>;
}

/** shortArn is enough of an ARN to tell principals of an account apart. */
export const shortArn = (arn: string) => arn.replace(/^arn:[^:]*:[^:]*:[^:]*:[^:]*:/, '');
