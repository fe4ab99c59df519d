import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  oxc: { jsx: { runtime: 'automatic' } },
  // Imports in src end in `.js` and mean the TypeScript beside it.
  resolve: { extensionAlias: { '.js': ['.ts', '.tsx', '.js'] } } as never,
  build: {
    outDir: fileURLToPath(new URL('../dist/studio', import.meta.url)),
    emptyOutDir: true,
    target: 'es2022',
    // Everything comes from files: the content-security policy allows no inline scripts and no data in scripts.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
  },
});
