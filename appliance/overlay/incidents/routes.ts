import Type from 'typebox';
import { callerOf, type Routes } from '../../http/index.ts';
import { actorOf, type OverlayContext } from '../context.ts';
import { NetworkParams } from '../schema.ts';
import { getSecurityConfig, updateSecurityConfig } from './config.ts';
import { getIncident, listIncidents, resolveIncident } from './incidents.ts';
import { IncidentParams, IncidentQuery, SecurityConfig, SecurityConfigUpdate, SecurityIncident } from './schema.ts';

const tags = ['security'];

export const incidentRoutes =
  (context: OverlayContext): Routes =>
  async (app) => {
    app.get(
      '/security/incidents',
      {
        schema: {
          tags,
          summary: 'List security incidents',
          description: 'The newest 1,000, newest first. Who is no administrator sees those of own peers.',
          querystring: IncidentQuery,
          response: { 200: Type.Array(SecurityIncident) },
        },
      },
      (request) => listIncidents(context, callerOf(request), request.query),
    );
    app.get(
      '/networks/:networkId/security/incidents',
      {
        schema: {
          tags,
          summary: "List a network's security incidents",
          description: 'The newest 1,000, newest first. Who is no administrator sees those of own peers.',
          params: NetworkParams,
          querystring: IncidentQuery,
          response: { 200: Type.Array(SecurityIncident) },
        },
      },
      (request) => {
        const { networkId } = request.params;
        return listIncidents(context, callerOf(request), { ...request.query, networkId });
      },
    );
    app.get(
      '/security/incidents/:incidentId',
      {
        schema: {
          tags,
          summary: 'Get a security incident',
          params: IncidentParams,
          response: { 200: SecurityIncident },
        },
      },
      (request) => getIncident(context, callerOf(request), request.params.incidentId),
    );
    app.post(
      '/security/incidents/:incidentId/resolve',
      {
        config: { access: 'administrator' },
        schema: {
          tags,
          summary: 'Resolve a security incident',
          description: "Ends the peer's quarantine, unless another incident of it is open.",
          params: IncidentParams,
          response: { 200: Type.Object({ message: Type.String() }) },
        },
      },
      async (request) => {
        await resolveIncident(context, actorOf(callerOf(request), request.ip), request.params.incidentId);
        return { message: 'Incident resolved successfully' };
      },
    );
    app.get(
      '/networks/:networkId/security/config',
      {
        config: { access: 'administrator' },
        schema: {
          tags,
          summary: "Get a network's security config",
          params: NetworkParams,
          response: { 200: SecurityConfig },
        },
      },
      (request) => getSecurityConfig(context, request.params.networkId),
    );
    app.put(
      '/networks/:networkId/security/config',
      {
        config: { access: 'administrator' },
        schema: {
          tags,
          summary: "Change a network's security config",
          description: 'Switched off, nothing is raised; incidents that are open stay open.',
          params: NetworkParams,
          body: SecurityConfigUpdate,
          response: { 200: SecurityConfig },
        },
      },
      (request) => {
        const actor = actorOf(callerOf(request), request.ip);
        return updateSecurityConfig(context, actor, request.params.networkId, request.body);
      },
    );
  };
