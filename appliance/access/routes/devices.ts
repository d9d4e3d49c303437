import Type from 'typebox';
import { CursorQuery, cursorPage, type Routes } from '../../http/index.ts';
import {
  clearNetworkPassword,
  createDevice,
  deleteDevice,
  getDevice,
  listDevices,
  setNetworkPassword,
  setPosture,
  updateDevice,
} from '../devices.ts';
import {
  answers,
  Device,
  DeviceChange,
  Id,
  IdParams,
  NetworkPassword,
  NewDevice,
  Nothing,
  PostureBody,
} from '../schema.ts';
import { actorOf, type Service } from '../service.ts';

const tags = ['devices'];
const config = { access: 'administrator' } as const;
const MAX_PAGE = 500;

const DeviceQuery = Type.Object({
  ...CursorQuery(MAX_PAGE).properties,
  mac: Type.Optional(Type.String({ maxLength: 32, description: 'Any notation' })),
  user_id: Type.Optional(Id),
  peer_id: Type.Optional(Id),
});
const PasswordBody = Type.Unsafe<{ password?: string } | null>({
  type: ['object', 'null'],
  properties: { password: { type: 'string', maxLength: 1024 } },
  additionalProperties: false,
});

/** Devices: what connects by its MAC address, and what people have. */
export const deviceRoutes =
  (service: Service): Routes =>
  async (app) => {
    app.get(
      '/devices',
      {
        config,
        schema: {
          tags,
          summary: 'Devices, by MAC address',
          querystring: DeviceQuery,
          response: answers({ 200: Type.Array(Device) }),
        },
      },
      async (request, reply) => listDevices(service, request.query, cursorPage(request, reply, request.query)),
    );

    app.post(
      '/devices',
      { config, schema: { tags, summary: 'Make a device', body: NewDevice, response: answers({ 201: Device }) } },
      async (request, reply) => reply.code(201).send(await createDevice(service, request.body, actorOf(request))),
    );

    app.get(
      '/devices/:id',
      { config, schema: { tags, summary: 'One device', params: IdParams, response: answers({ 200: Device }) } },
      async (request) => getDevice(service, request.params.id),
    );

    app.put(
      '/devices/:id',
      {
        config,
        schema: {
          tags,
          summary: 'Change a device',
          params: IdParams,
          body: DeviceChange,
          response: answers({ 200: Device }),
        },
      },
      async (request) => updateDevice(service, request.params.id, request.body, actorOf(request)),
    );

    app.delete(
      '/devices/:id',
      { config, schema: { tags, summary: 'Delete a device', params: IdParams, response: answers({ 204: Nothing }) } },
      async (request, reply) => {
        await deleteDevice(service, request.params.id, actorOf(request));
        return reply.code(204).send(null);
      },
    );

    app.put(
      '/devices/:id/network-password',
      {
        config,
        schema: {
          tags,
          summary: "Set a device's network password",
          description: 'Without `password` one is made up, that can be read aloud; the answer shows it this once.',
          params: IdParams,
          body: PasswordBody,
          response: answers({ 200: NetworkPassword, 204: Nothing }),
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        const shown = await setNetworkPassword(service, id, request.body?.password, actorOf(request));
        if (shown === undefined) return reply.code(204).send(null);
        return reply.header('cache-control', 'no-store').send({ network_password: shown });
      },
    );

    app.delete(
      '/devices/:id/network-password',
      {
        config,
        schema: {
          tags,
          summary: 'Take its network password away',
          params: IdParams,
          response: answers({ 204: Nothing }),
        },
      },
      async (request, reply) => {
        await clearNetworkPassword(service, request.params.id, actorOf(request));
        return reply.code(204).send(null);
      },
    );

    app.put(
      '/devices/:id/posture',
      {
        config,
        schema: {
          tags,
          summary: 'Tell its posture, as a tool that manages devices does',
          params: IdParams,
          body: PostureBody,
          response: answers({ 200: Device }),
        },
      },
      async (request) => setPosture(service, request.params.id, request.body.facts, actorOf(request)),
    );
  };
