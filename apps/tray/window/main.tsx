import './styles/mantine.ts';
import './styles/theme.css';
import './styles/layout.css';
import './styles/parts.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';

// Without a shell around it (`vite dev`) the window plays scenes. The build leaves this out.
if (import.meta.env.DEV && window.gatehouse === undefined) await import('./fake/install.ts');

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
