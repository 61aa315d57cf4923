import { svelte } from '@sveltejs/vite-plugin-svelte'
import { loadEnv } from 'vite'
import { defineConfig } from 'vitest/config'

// `npm run dev` talks to a running studio; `npm run build` puts the page inside the Python package that serves it.
export default defineConfig(({ mode }) => {
  const studio = loadEnv(mode, '.', 'STUDIOLO_')['STUDIOLO_URL'] ?? 'http://127.0.0.1:8787'
  const door = { target: studio, changeOrigin: true, rewriteWsOrigin: true, ws: true }
  return {
    plugins: [svelte()],
    build: {
      target: 'es2023',
      outDir: '../src/studiolo/web/static',
      emptyOutDir: true,
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: 900,
    },
    server: { proxy: { '/api': door, '/sync': door } },
    // Under test, the browser build of Svelte, so that components can be mounted in jsdom.
    resolve: mode === 'test' ? { conditions: ['browser'] } : {},
    test: { environment: 'jsdom', include: ['src/**/*.test.ts'] },
  }
})
