import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// `npm run dev` serves the client with hot reload in front of a running `./loopync up`.
const server = process.env.LOOPYNC_DEV_HTTP ?? 'http://127.0.0.1:8000';
const socket = process.env.LOOPYNC_DEV_WS ?? 'http://127.0.0.1:8001';

export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
  resolve: {
    // Svelte's server build is the default outside a browser; component tests need the client build.
    conditions: mode === 'test' ? ['browser'] : undefined,
  },
  build: {
    target: 'es2022',
    // A data: URL would need a wider Content-Security-Policy than 'self'.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
  },
  server: {
    proxy: {
      '/api': { target: server, headers: { origin: server } },
      // The socket's Origin allow-list knows the server's own address, not the dev server's.
      '/ws': { target: socket, ws: true, headers: { origin: server } },
    },
  },
  test: {
    // Tests that draw ask for a DOM in their first line; the others start ten times faster without one.
    environment: 'node',
    include: ['src/**/*.test.ts'],
    restoreMocks: true,
  },
}));
