import { svelte } from '@sveltejs/vite-plugin-svelte'
import { loadEnv, type Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

/** Markdown without the HTML, CSS and JavaScript parsers: see `src/slim/lang-html.ts`. */
const slimMarkdown: Plugin = {
  name: 'slim-markdown',
  enforce: 'pre',
  resolveId(source, importer) {
    return source === '@codemirror/lang-html' && importer?.includes('/@codemirror/lang-markdown/') ? this.resolve('/src/slim/lang-html.ts') : null
  },
}

// `npm run dev` talks to a running studio; `npm run build` puts the page inside the Python package that serves it.
export default defineConfig(({ mode }) => {
  const studio = loadEnv(mode, '.', 'STUDIOLO_')['STUDIOLO_URL'] ?? 'http://127.0.0.1:8787'
  const door = { target: studio, changeOrigin: true, rewriteWsOrigin: true, ws: true }
  return {
    plugins: [slimMarkdown, svelte()],
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
