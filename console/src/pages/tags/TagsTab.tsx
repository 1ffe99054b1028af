export default function TagsTab({ repository }: { repository: string }) {
  return <p>{repository}</p>;
}
