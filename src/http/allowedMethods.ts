import type { App } from './app.js';
import { HOT_ROUTE } from './hotPath.js';

/** Which methods a path takes, so that a wrong one is told from a wrong path. Make it before the routes are registered. */
export function watchMethods(app: App): (path: string) => readonly string[] {
  const routes = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();
  const add = (url: string, methods: readonly string[]) => {
    const route = routes.get(url) ?? { pattern: patternOf(url), methods: new Set() };
    for (const method of methods) route.methods.add(method);
    routes.set(url, route);
  };
  // Served in front of the router.
  add(HOT_ROUTE, ['POST']);
  app.addHook('onRoute', ({ url, method }) => add(url, [method].flat()));
  return (path) => {
    const methods = new Set<string>();
    for (const route of routes.values())
      if (route.pattern.test(path)) for (const method of route.methods) methods.add(method);
    return [...methods].sort();
  };
}

/** `/v1/commands/:id` → a pattern of whole paths; a wildcard takes what is left. */
function patternOf(url: string): RegExp {
  const source = url
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/:[A-Za-z]\w*/g, '[^/]+')
    .replaceAll('*', '.*');
  return new RegExp(`^${source}$`);
}
