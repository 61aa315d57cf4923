import { describe, expect, it } from 'vitest'
import { ways } from './ways'

describe('what a program is told', () => {
  const made = ways('https://studio.example', 'st_abc')
  it('names the address and the token, for each', () => {
    for (const { text } of made) {
      expect(text).toContain('https://studio.example/mcp')
      expect(text).toContain('st_abc')
    }
  })
  it('is JSON where a file of JSON is meant', () => {
    const cursor = JSON.parse(made.find(({ label }) => label === 'Cursor')!.text)
    expect(cursor.mcpServers.studiolo.headers.Authorization).toBe('Bearer st_abc')
  })
})
