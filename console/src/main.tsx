import '@cloudscape-design/global-styles/index.css';
import './app.css';
import './lib/clipboard';
import './lib/mode';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import App from './App';
import { LanguageOf } from './i18n';

// A page of an older version asks for files that the server has no longer.
addEventListener('vite:preloadError', () => {
  if (sessionStorage.getItem('nifuda.reloaded') === location.href) return;
  sessionStorage.setItem('nifuda.reloaded', location.href);
  location.reload();
});

const root = document.getElementById('root');
if (!root) throw new Error('the page has no root');
createRoot(root).render(
  <StrictMode>
    <LanguageOf>
      <App />
    </LanguageOf>
  </StrictMode>,
);
