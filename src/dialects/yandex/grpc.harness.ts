import { TestServer } from '../../../test/harness.ts'
import { YandexClient } from '../../../test/yandex-client.ts'
import type { Environment } from '../../config-reader.ts'
import { ByteBudget } from '../../grpc/byte-budget.ts'
import { defaultGrpcLimits } from '../../grpc/limits.ts'
import { type GrpcServer, startGrpcServer, type TlsIdentity } from '../../grpc/server.ts'
import { grpcMethods } from './grpc.ts'
import { defaultSettings, type YandexSettings } from './settings.ts'

/** A whole server with this dialect on a gRPC port of its own, and a client of its admin. */
export class YandexServer {
  readonly server: TestServer
  readonly grpc: GrpcServer
  readonly client: YandexClient
  readonly budget: ByteBudget

  private constructor(server: TestServer, grpc: GrpcServer, budget: ByteBudget) {
    this.server = server
    this.grpc = grpc
    this.budget = budget
    this.client = new YandexClient(grpc.address, `Api-Key ${server.key}`)
  }

  static async start(
    environment: Environment = {},
    settings: Partial<YandexSettings> = {},
    tls?: TlsIdentity,
  ): Promise<YandexServer> {
    const server = await TestServer.start(environment)
    const budget = new ByteBudget(512 * 1024 * 1024)
    const grpc = await startGrpcServer({
      host: '127.0.0.1',
      port: 0,
      ...(tls === undefined ? {} : { tls }),
      methods: grpcMethods(server.app.services, { ...defaultSettings, ...settings }),
      isReady: async () => true,
      limits: defaultGrpcLimits,
      budget,
      logger: { debug: () => undefined, error: () => undefined },
    })
    return new YandexServer(server, grpc, budget)
  }

  clientOf(authorization: string | undefined): YandexClient {
    return new YandexClient(this.grpc.address, authorization)
  }

  async stop(): Promise<void> {
    this.client.close()
    await this.grpc.stop(1000)
    await this.server.stop()
  }
}
