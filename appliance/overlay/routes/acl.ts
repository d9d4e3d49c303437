import { callerOf, type Routes } from '../../http/index.ts';
import { actorOf, type OverlayContext } from '../context.ts';
import { getAcl, updateAcl } from '../policy/acl.ts';
import { Acl, AclUpdate } from '../policy/schema.ts';
import { NetworkParams } from '../schema.ts';

const tags = ['acl'];
const config = { access: 'administrator' } as const;

export const aclRoutes =
  (context: OverlayContext): Routes =>
  async (app) => {
    app.get(
      '/networks/:networkId/acl',
      { config, schema: { tags, summary: "Get a network's ACL", params: NetworkParams, response: { 200: Acl } } },
      (request) => getAcl(context, request.params.networkId),
    );
    app.put(
      '/networks/:networkId/acl',
      {
        config,
        schema: {
          tags,
          summary: "Replace a network's ACL",
          description: 'The first rule that names both peers decides. What the body leaves out is empty from then on.',
          params: NetworkParams,
          body: AclUpdate,
          response: { 200: Acl },
        },
      },
      (request) => updateAcl(context, actorOf(callerOf(request), request.ip), request.params.networkId, request.body),
    );
  };
