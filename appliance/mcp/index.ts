export { type McpOptions, mcpRoutes } from './routes.ts';
