export default function ImagePage({ repository, digest }: { repository: string; digest: string }) {
  return (
    <p>
      {repository} {digest}
    </p>
  );
}
