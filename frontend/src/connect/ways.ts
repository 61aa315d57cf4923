/** What each program has to be told so that it comes in by MCP. */
export interface Way { label: string; where: string; text: string }

export function ways(origin: string, token: string): Way[] {
  const url = `${origin}/mcp`
  const bearer = `Bearer ${token}`
  return [
    { label: 'Claude Code', where: 'Run this once, in the folder that you work in:', text: `claude mcp add --transport http studiolo ${url} --header "Authorization: ${bearer}"` },
    { label: 'Cursor', where: 'Put this into .cursor/mcp.json:', text: JSON.stringify({ mcpServers: { studiolo: { url, headers: { Authorization: bearer } } } }, null, 2) },
    { label: 'Codex', where: 'Run these two lines:', text: `export STUDIOLO_TOKEN=${token}\ncodex mcp add studiolo --url ${url} --bearer-token-env-var STUDIOLO_TOKEN` },
    { label: 'Another program', where: 'An MCP server over streamable HTTP, at this address and with this header:', text: `${url}\nAuthorization: ${bearer}` },
  ]
}
