import { createRoot } from 'react-dom/client';
import './style/theme.css';
import './style/ui.css';
import { App } from './app.js';

createRoot(document.getElementById('root')!).render(<App />);
