import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

// Relative links: the page works below any path of a reverse proxy. Nothing is inlined as data: links, because the
// content security policy allows images from data: only.
export default defineConfig({
    base: './',
    esbuild: { jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none' },
    build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false },
    worker: { format: 'es' },
    resolve: { alias: [{ find: /^numcodecs\/.*/, replacement: fileURLToPath(new URL('src/volume/no-codec.ts', import.meta.url)) }] },
    server: { proxy: { '/api': 'http://127.0.0.1:8420' } },
});
