import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { NOW, type OpenStore, sampleKey, sampleOrganization, sampleProject, testStore } from './samples.ts'

const conflict = { name: 'StoreError', code: 'conflict' }

export function describeAccess(openStore: OpenStore, shared: OpenStore): void {
  testStore(shared, 'an organization is found by id and by slug', async (store) => {
    const organization = sampleOrganization()
    await store.commit([{ kind: 'organization.insert', organization }])
    assert.deepEqual(await store.findOrganization(organization.id), organization)
    assert.deepEqual(await store.findOrganization(organization.slug), organization)
    assert.equal(await store.findOrganization(randomUUID()), undefined)
  })

  testStore(shared, 'an id wins over the same text as a slug', async (store) => {
    const first = sampleOrganization()
    const second = sampleOrganization({ slug: first.id })
    await store.commit([
      { kind: 'organization.insert', organization: second },
      { kind: 'organization.insert', organization: first },
    ])
    assert.deepEqual(await store.findOrganization(first.id), first)
    const one = sampleProject(first.id)
    const two = sampleProject(first.id, { slug: one.id })
    await store.commit([
      { kind: 'project.insert', project: two },
      { kind: 'project.insert', project: one },
    ])
    assert.deepEqual(await store.findProject(first.id, one.id), one)
  })

  testStore(openStore, 'a slug of an organization is taken once', async (store) => {
    await store.commit([{ kind: 'organization.insert', organization: sampleOrganization({ slug: 'one' }) }])
    const again = { kind: 'organization.insert', organization: sampleOrganization({ slug: 'one' }) } as const
    await assert.rejects(store.commit([again]), conflict)
    assert.equal((await store.listOrganizations()).length, 1)
  })

  testStore(openStore, 'a slug of a project is taken once in its organization', async (store) => {
    const [a, b] = [sampleOrganization(), sampleOrganization({ createdAt: NOW + 1 })]
    const inA = sampleProject(a.id, { slug: 'one', createdAt: NOW + 2 })
    const inB = sampleProject(b.id, { slug: 'one', createdAt: NOW + 1 })
    await store.commit([
      { kind: 'organization.insert', organization: a },
      { kind: 'organization.insert', organization: b },
      { kind: 'project.insert', project: inA },
      { kind: 'project.insert', project: inB },
    ])
    const again = { kind: 'project.insert', project: sampleProject(a.id, { slug: 'one' }) } as const
    await assert.rejects(store.commit([again]), conflict)
    assert.deepEqual(await store.findProject(a.id, 'one'), inA)
    assert.deepEqual(await store.findProject(b.id, inB.id), inB)
    assert.equal(await store.findProject(b.id, inA.id), undefined)
    assert.deepEqual(await store.listProjects(), [inB, inA])
    assert.deepEqual(await store.listProjects(a.id), [inA])
    assert.deepEqual(await store.listOrganizations(), [a, b])
  })

  testStore(shared, 'a project or key of no organization is a conflict', async (store) => {
    const project = { kind: 'project.insert', project: sampleProject(randomUUID()) } as const
    await assert.rejects(store.commit([project]), conflict)
    await assert.rejects(store.commit([{ kind: 'key.insert', key: sampleKey(randomUUID()) }]), conflict)
  })

  testStore(openStore, 'keys come back whole, by hash and in a list, oldest first', async (store) => {
    const organization = sampleOrganization()
    const older = sampleKey(organization.id, { scopes: [], role: 'admin', userId: 'user-1' })
    const newer = sampleKey(organization.id, { createdAt: NOW + 1 })
    await store.commit([
      { kind: 'organization.insert', organization },
      { kind: 'key.insert', key: newer },
      { kind: 'key.insert', key: older },
    ])
    assert.deepEqual(await store.findKey(older.hash), older)
    assert.deepEqual(await store.findKey(newer.hash), newer)
    assert.equal(await store.findKey('0'.repeat(64)), undefined)
    assert.deepEqual(await store.listKeys(), [older, newer])
    const twin = sampleKey(organization.id, { hash: older.hash })
    await assert.rejects(store.commit([{ kind: 'key.insert', key: twin }]), conflict)
  })

  testStore(
    openStore,
    'a key is found by its id, and pages of keys are newest first, of one or all organizations',
    async (store) => {
      const [one, other] = [sampleOrganization(), sampleOrganization()]
      const keys = [one, one, other, one].map(({ id }, index) =>
        sampleKey(id, { createdAt: NOW + (index % 3) }),
      )
      await store.commit([
        { kind: 'organization.insert', organization: one },
        { kind: 'organization.insert', organization: other },
        ...keys.map((key) => ({ kind: 'key.insert', key }) as const),
      ])
      assert.deepEqual(await store.findKeyById(keys[0]?.id ?? ''), keys[0])
      assert.equal(await store.findKeyById(randomUUID()), undefined)
      const newest = keys.toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
      const of = (organizationId?: string) =>
        newest.filter((key) => organizationId === undefined || key.organizationId === organizationId)
      for (const organizationId of [undefined, one.id, other.id]) {
        const expected = of(organizationId)
        assert.deepEqual(await store.pageKeys({ organizationId, after: undefined, limit: 10 }), expected)
        const [after] = expected
        assert.deepEqual(await store.pageKeys({ organizationId, after, limit: 1 }), expected.slice(1, 2))
      }
    },
  )

  testStore(
    openStore,
    'organizations and projects are paged by slug, with what is used of them',
    async (store) => {
      const [b, a] = [sampleOrganization({ slug: 'B' }), sampleOrganization({ slug: 'a' })]
      const projects = ['x', 'y'].flatMap((slug) => [b, a].map(({ id }) => sampleProject(id, { slug })))
      await store.commit([
        { kind: 'organization.insert', organization: a },
        { kind: 'organization.insert', organization: b },
        ...projects.map((project) => ({ kind: 'project.insert', project }) as const),
        {
          kind: 'usage.add',
          usage: { organizationId: b.id, projectId: projects[0]?.id ?? '', files: 2, bytes: 3 },
        },
      ])
      const unused = { usedFiles: 0, usedBytes: 0 }
      const used = { usedFiles: 2, usedBytes: 3 }
      const organizations = await store.pageOrganizations({ after: undefined, limit: 10 })
      assert.deepEqual(organizations, [
        { ...b, ...used, projects: 2 },
        { ...a, ...unused, projects: 2 },
      ])
      assert.deepEqual(
        await store.pageOrganizations({ after: organizations[0], limit: 1 }),
        organizations.slice(1),
      )
      const ofB = await store.pageProjects({ organizationId: b.id, after: undefined, limit: 10 })
      assert.deepEqual(ofB, [
        { ...projects[0], ...used },
        { ...projects[2], ...unused },
      ])
      const all = await store.pageProjects({ after: undefined, limit: 10 })
      assert.deepEqual(
        all.map(({ slug }) => slug),
        ['x', 'x', 'y', 'y'],
      )
      assert.deepEqual(await store.pageProjects({ after: all[0], limit: 2 }), all.slice(1, 3))
      assert.deepEqual(await store.findProjectById(projects[1]?.id ?? ''), projects[1])
    },
  )

  testStore(openStore, 'a key that is not revoked can get another role', async (store) => {
    const organization = sampleOrganization()
    const key = sampleKey(organization.id, { expiresAt: NOW + 1 })
    await store.commit([
      { kind: 'organization.insert', organization },
      { kind: 'key.insert', key },
    ])
    const setRole = { kind: 'key.set-role', id: key.id, role: 'operator' } as const
    await store.commit([setRole])
    assert.deepEqual(await store.findKey(key.hash), { ...key, role: 'operator' })
    await store.commit([{ kind: 'key.revoke', id: key.id, revokedAt: NOW }])
    await assert.rejects(store.commit([setRole]), conflict)
  })

  testStore(openStore, 'a key is revoked once and stays listed', async (store) => {
    const organization = sampleOrganization()
    const key = sampleKey(organization.id)
    await store.commit([
      { kind: 'organization.insert', organization },
      { kind: 'key.insert', key },
    ])
    await store.commit([{ kind: 'key.revoke', id: key.id, revokedAt: NOW + 5 }])
    const again = store.commit([{ kind: 'key.revoke', id: key.id, revokedAt: NOW + 9 }])
    await assert.rejects(again, conflict)
    await assert.rejects(store.commit([{ kind: 'key.revoke', id: randomUUID(), revokedAt: NOW }]), conflict)
    assert.deepEqual(await store.findKey(key.hash), { ...key, revokedAt: NOW + 5 })
    assert.deepEqual(await store.listKeys(), [{ ...key, revokedAt: NOW + 5 }])
  })

  testStore(
    openStore,
    'a replaced key is revoked, and its secret may be that of a new key',
    async (store) => {
      const organization = sampleOrganization()
      const key = sampleKey(organization.id)
      await store.commit([
        { kind: 'organization.insert', organization },
        { kind: 'key.insert', key },
      ])
      const replace = () => store.commit([{ kind: 'key.replace', id: key.id, replacedAt: NOW + 5 }])
      await replace()
      await assert.rejects(replace(), conflict)
      assert.equal(await store.findKey(key.hash), undefined)
      const next = { ...sampleKey(organization.id), hash: key.hash, name: 'next', createdAt: NOW + 6 }
      await store.commit([{ kind: 'key.insert', key: next }])
      assert.deepEqual(await store.findKey(key.hash), next)
      const listed = (await store.listKeys()).map(({ id, revokedAt }) => ({ id, revokedAt }))
      assert.deepEqual(listed, [
        { id: key.id, revokedAt: NOW + 5 },
        { id: next.id, revokedAt: null },
      ])
      assert.deepEqual(await store.listKeys('next'), [next])
    },
  )

  testStore(openStore, 'link keys are listed newest first', async (store) => {
    const older = { id: 'ffffffff', secret: '1'.repeat(64), createdAt: NOW }
    const newer = { id: '00000000', secret: '2'.repeat(64), createdAt: NOW + 1 }
    await store.commit([
      { kind: 'link-key.insert', linkKey: newer },
      { kind: 'link-key.insert', linkKey: older },
    ])
    assert.deepEqual(await store.listLinkKeys(), [newer, older])
    await assert.rejects(store.commit([{ kind: 'link-key.insert', linkKey: older }]), conflict)
  })
}
