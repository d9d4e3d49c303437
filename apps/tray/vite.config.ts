import path from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/**
 * The window: `dist/window`, all from one folder by relative paths, so that it works under whatever address the shell
 * serves it from. Nothing is inlined: the content security policy (`window/csp.ts`) allows no inline script or style.
 */
export default defineConfig({
  root: path.join(import.meta.dirname, 'window'),
  base: './',
  plugins: [react()],
  build: {
    outDir: path.join(import.meta.dirname, 'dist/window'),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    target: 'chrome140',
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // Schemas are made by calls; the window takes a list of names from beside them, and needs none.
    rolldownOptions: { treeshake: { manualPureFunctions: ['Type', 'Nullable'], propertyReadSideEffects: false } },
  },
  server: { host: '127.0.0.1' },
});
