import type { KyselyPlugin, RootOperationNode } from 'kysely';

/** A Kysely plugin that looks at each statement before it runs; `check` throws to refuse it. */
export function guard(check: (node: RootOperationNode) => void): KyselyPlugin {
  return {
    transformQuery({ node }) {
      check(node);
      return node;
    },
    transformResult: async ({ result }) => result,
  };
}
