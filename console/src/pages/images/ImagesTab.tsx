export default function ImagesTab({ repository }: { repository: string }) {
  return <p>{repository}</p>;
}
