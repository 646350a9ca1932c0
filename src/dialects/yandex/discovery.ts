import { create } from '@bufbuild/protobuf'
import { ServiceError } from '../../core/errors.ts'
import {
  type ApiEndpoint,
  ApiEndpointSchema,
  type ListApiEndpointsResponse,
  ListApiEndpointsResponseSchema,
} from './gen/endpoint_pb.js'
import type { YandexSettings } from './settings.ts'
import { quote } from './violations.ts'

/** What SDKs look for; each is served by this very server. */
const SERVICES = ['ai-files', 'endpoint']

/**
 * Where each service is, for anybody: SDKs ask before they have anything to show.
 * @param authority `host:port`, unless the settings have one. Over gRPC the one that the caller used, which leads here. Over
 * REST the host of the public URL: an HTTP cache could give others an answer with a `Host` that somebody made up.
 */
export function listEndpoints(
  { endpoint }: Pick<YandexSettings, 'endpoint'>,
  authority: string,
): ListApiEndpointsResponse {
  const endpoints = SERVICES.map((id) => ({ id, address: endpoint ?? authority }))
  return create(ListApiEndpointsResponseSchema, { endpoints })
}

/** @throws ServiceError `file-not-found` if there is no such service */
export function getEndpoint(
  settings: Pick<YandexSettings, 'endpoint'>,
  authority: string,
  id: string,
): ApiEndpoint {
  const found = listEndpoints(settings, authority).endpoints.find((endpoint) => endpoint.id === id)
  if (found === undefined) throw new ServiceError('file-not-found', `Endpoint ${quote(id)} not found`)
  return create(ApiEndpointSchema, found)
}
