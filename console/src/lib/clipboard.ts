// On http under the name of a machine browsers have no navigator.clipboard, and
// copy buttons would only show an error there.
if (!navigator.clipboard) {
  const writeText = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const handler = (event: ClipboardEvent) => {
        event.clipboardData?.setData('text/plain', text);
        event.preventDefault();
      };
      document.addEventListener('copy', handler, { once: true });
      const copied = document.execCommand('copy');
      document.removeEventListener('copy', handler);
      if (copied) resolve();
      else reject(new Error('copy failed'));
    });
  Object.defineProperty(navigator, 'clipboard', { configurable: true, value: { writeText } });
}

export {};
