export default function TagPage({ repository, tag }: { repository: string; tag: string }) {
  return (
    <p>
      {repository} {tag}
    </p>
  );
}
