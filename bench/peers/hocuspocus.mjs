// Hocuspocus as it comes: no extension, unless a folder to keep documents in is named.
import { Server } from '@hocuspocus/server'

const extensions = []
if (process.env.KEEP) {
  // The extension for SQLite needs a compiled package; Node has SQLite itself, and this is what the extension does.
  const { DatabaseSync } = await import('node:sqlite')
  const { Database } = await import('@hocuspocus/extension-database')
  const kept = new DatabaseSync(`${process.env.KEEP}/documents.db`)
  kept.exec('CREATE TABLE IF NOT EXISTS documents (name TEXT PRIMARY KEY, data BLOB NOT NULL)')
  const read = kept.prepare('SELECT data FROM documents WHERE name = ?')
  const write = kept.prepare('INSERT INTO documents VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET data = excluded.data')
  extensions.push(
    new Database({
      fetch: async ({ documentName }) => read.get(documentName)?.data ?? null,
      store: async ({ documentName, state }) => void write.run(documentName, state),
    })
  )
}
await new Server({ port: Number(process.env.PORT), address: '127.0.0.1', quiet: true, extensions }).listen()
