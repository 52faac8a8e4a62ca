import {
  Abilities,
  defineContract,
  del,
  get,
  Id,
  named,
  nullable,
  Page,
  PageOf,
  patch,
  post,
  put,
  shareOperations,
  T,
  Timestamp,
  Version,
} from '@ait/kit'

const Name = T.String({ minLength: 1, maxLength: 255, description: 'At most 255 bytes, without / and \\' })
const Path = T.String({ maxLength: 4096, description: 'Folder names from the top, `documents` or `a/b/c`' })
const FolderId = nullable(Id)
const Bytes = T.Integer({ minimum: 0 })
const Sha256 = T.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of the content, hex' })
const Revision = T.Integer({ minimum: 1, description: 'Number of a version of the content' })
const Scan = T.Enum(['unscanned', 'pending', 'clean', 'infected'])
const Kind = T.Enum(['file', 'folder'])
const Sort = T.Enum([
  'name',
  '-name',
  'size',
  '-size',
  'created_at',
  '-created_at',
  'updated_at',
  '-updated_at',
])
const Inline = T.Boolean({ description: 'Show it in the browser if its type is safe; otherwise it is saved' })

export const Entry = named(
  'Entry',
  T.Object({
    id: Id,
    kind: Kind,
    name: Name,
    folder_id: nullable(T.String({ format: 'uuid', description: 'null at the top' })),
    owner_id: T.String(),
    version: Version,
    revision: nullable(Revision),
    size: nullable(Bytes),
    content_type: nullable(T.String({ description: 'By the bytes, not by what the sender said' })),
    sha256: nullable(Sha256),
    scan: nullable(Scan),
    created_by: T.String(),
    created_at: Timestamp,
    updated_at: Timestamp,
    abilities: T.Optional(Abilities),
    path: T.Optional(
      T.Array(T.Object({ id: Id, name: Name }), { description: 'The folders above that you may see' }),
    ),
  }),
)

const FileVersion = named(
  'FileVersion',
  T.Object({
    number: Revision,
    size: Bytes,
    content_type: T.String(),
    sha256: Sha256,
    scan: Scan,
    created_by: T.String(),
    created_at: Timestamp,
  }),
)

const TrashedEntry = named(
  'TrashedEntry',
  T.Object({
    id: Id,
    kind: Kind,
    name: Name,
    size: nullable(Bytes),
    trashed_at: Timestamp,
    purged_at: T.String({ format: 'date-time', description: 'When it is removed for good' }),
  }),
)

const Quota = named(
  'Quota',
  T.Object({
    user_id: T.String(),
    quota_bytes: Bytes,
    used_bytes: T.Integer({ minimum: 0, description: 'All versions and the trash included' }),
    free_bytes: Bytes,
    entry_count: T.Integer({ minimum: 0 }),
  }),
)

const Link = named(
  'Link',
  T.Object({
    id: Id,
    entry_id: Id,
    has_password: T.Boolean(),
    expires_at: nullable(Timestamp),
    downloads_max: nullable(T.Integer()),
    downloads: T.Integer(),
    created_by: T.String(),
    created_at: Timestamp,
    token: T.Optional(T.String({ description: 'Shown once, when the link is made' })),
    url: T.Optional(T.String({ description: 'Shown once: downloads, or asks for the password by openLink' })),
  }),
)

const OpenLink = named(
  'OpenLink',
  T.Object({
    kind: Kind,
    name: nullable(T.String({ description: 'null until the password is given' })),
    size: nullable(Bytes),
    content_type: nullable(T.String()),
    password_required: T.Boolean(),
    expires_at: nullable(Timestamp),
    downloads_left: nullable(T.Integer()),
    download_url: T.Optional(T.String({ description: 'Works for ten minutes' })),
  }),
)

const Presigned = named(
  'Presigned',
  T.Object({ method: T.Enum(['GET', 'PUT']), url: T.String(), expires_at: Timestamp }),
)

const ExpiresIn = T.Integer({
  minimum: 1,
  maximum: 604_800,
  default: 3600,
  description: 'Seconds, at most seven days; fifteen minutes for what you may do only by a group',
})
const ThumbnailSize = T.Enum([64, 128, 256, 512, 1024], {
  type: 'integer',
  description: 'Pixels of the longer side',
})
const Grant = T.String({ maxLength: 4000 })
const OnConflict = T.Enum(['version', 'rename', 'fail'], {
  description: 'When the name is taken: a new version (the default), another name, or 409',
})

const params = T.Object({ id: Id })
const id = '01890a5d-ac96-774b-bcce-b302099a8057'
const sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
const token = 'wYVXs1Vn0bZ2uJg3v8LcIx5Q'
const binary = T.String({ format: 'binary' })
const octets = 'application/octet-stream'

export const contract = defineContract('storage', {
  operations: {
    uploadFile: post('/upload', {
      summary: 'Upload a file',
      description:
        'multipart/form-data with one `file` part, and fields before or after it. Folders along `folder` are made ' +
        'when they are missing. The same name again makes a new version; the same content again changes nothing.',
      allow: 'user',
      transaction: 'manual',
      consumes: 'multipart/form-data',
      body: T.Object({
        file: binary,
        folder: T.Optional(Path),
        folder_id: T.Optional(
          T.String({ format: 'uuid', description: 'Instead of `folder`, also one shared with you' }),
        ),
        on_conflict: T.Optional(OnConflict),
      }),
      201: Entry,
      example: { body: { file: '(binary)', folder: 'documents' } },
    }),
    downloadFile: get('/download/:id', {
      summary: 'Download a file',
      description: 'Answers Range, If-None-Match, If-Modified-Since, If-Match and If-Range (RFC 9110).',
      allow: 'entry.view',
      params,
      query: T.Object({ revision: T.Optional(Revision), inline: T.Optional(Inline) }),
      200: binary,
      produces: octets,
      example: { params: { id } },
    }),
    listFiles: get('/files', {
      summary: 'Your files in one folder',
      allow: 'user',
      query: Page({
        folder: T.Optional(Path),
        content_type: T.Optional(
          T.String({ maxLength: 100, description: 'A type, or the beginning of one: image/' }),
        ),
        sort: T.Optional(Sort),
      }),
      200: PageOf(Entry),
      example: { query: { folder: 'documents' } },
    }),
    deleteFile: del('/files/:id', {
      summary: 'Put a file into the trash',
      allow: 'entry.delete',
      params,
      204: T.Void(),
      example: { params: { id } },
    }),
    getFileMetadata: get('/files/:id/metadata', {
      summary: 'What is known of a file',
      allow: 'entry.view',
      params,
      200: Entry,
      example: { params: { id } },
    }),
    replaceContent: put('/files/:id/content', {
      summary: 'Give a file new content, as a new version',
      allow: 'entry.edit',
      ifMatch: true,
      transaction: 'manual',
      params,
      consumes: '*/*',
      body: binary,
      200: Entry,
      example: { params: { id } },
    }),
    getThumbnail: get('/files/:id/thumbnail', {
      summary: 'A small picture of an image or of the first page of a PDF (WebP)',
      allow: 'entry.view',
      params,
      query: T.Object({ size: T.Optional(ThumbnailSize) }),
      200: binary,
      produces: 'image/webp',
      example: { params: { id }, query: { size: 256 } },
    }),
    listVersions: get('/files/:id/versions', {
      summary: 'The versions of a file, newest first',
      allow: 'entry.view',
      params,
      query: Page(),
      200: PageOf(FileVersion),
      example: { params: { id } },
    }),
    restoreVersion: post('/files/:id/versions/:number/restore', {
      summary: 'Make an older version the newest one again',
      allow: 'entry.edit',
      params: T.Object({ id: Id, number: Revision }),
      200: Entry,
      example: { params: { id, number: 1 } },
    }),
    deleteVersion: del('/files/:id/versions/:number', {
      summary: 'Remove an older version for good',
      allow: 'entry.delete',
      params: T.Object({ id: Id, number: Revision }),
      204: T.Void(),
      example: { params: { id, number: 1 } },
    }),
    listEntries: get('/entries', {
      summary: 'Your folders and files in one place, folders first',
      allow: 'user',
      query: Page({ folder: T.Optional(Path), kind: T.Optional(Kind), sort: T.Optional(Sort) }),
      200: PageOf(Entry),
      example: { query: { folder: 'documents', sort: '-updated_at' } },
    }),
    searchEntries: get('/search', {
      summary: 'Find files and folders that you may see, by a part of their name',
      description: 'Letter case and accents do not count.',
      allow: 'user',
      query: Page({ q: T.String({ minLength: 1, maxLength: 200 }), kind: T.Optional(Kind) }),
      200: PageOf(Entry),
      example: { query: { q: 'poliza' } },
    }),
    listShared: get('/shared', {
      summary: 'What others have shared with you',
      allow: 'user',
      query: Page(),
      200: PageOf(Entry),
      example: {},
    }),
    getEntry: get('/entries/:id', {
      summary: 'A file or folder',
      allow: 'entry.view',
      params,
      200: Entry,
      example: { params: { id } },
    }),
    updateEntry: patch('/entries/:id', {
      summary: 'Rename or move a file or folder',
      description: '`folder_id: null` moves it to the top. A tree stays with its owner: to another, copy it.',
      allow: 'entry.edit',
      ifMatch: true,
      params,
      body: T.Object({ name: T.Optional(Name), folder_id: T.Optional(FolderId) }),
      200: Entry,
      example: { params: { id }, body: { name: 'policy-2026.pdf' } },
    }),
    copyEntry: post('/entries/:id/copy', {
      summary: 'Copy a file, or a folder with all below it',
      description: 'A name that is taken gets a number. The newest versions are copied, not the older ones.',
      allow: 'entry.view',
      idempotent: true,
      params,
      body: T.Object({ folder_id: FolderId, name: T.Optional(Name) }),
      201: Entry,
      example: { params: { id }, body: { folder_id: null } },
    }),
    deleteEntry: del('/entries/:id', {
      summary: 'Put a file, or a folder with all below it, into the trash',
      allow: 'entry.delete',
      params,
      204: T.Void(),
      example: { params: { id } },
    }),
    createFolder: post('/folders', {
      summary: 'Make a folder',
      allow: 'user',
      idempotent: true,
      body: T.Object({ name: Name, folder_id: T.Optional(FolderId) }),
      201: Entry,
      example: { body: { name: 'documents' } },
    }),
    listFolder: get('/folders/:id/entries', {
      summary: 'What is in a folder, folders first',
      allow: 'entry.view',
      params,
      query: Page({ kind: T.Optional(Kind), sort: T.Optional(Sort) }),
      200: PageOf(Entry),
      example: { params: { id } },
    }),
    zipFolder: get('/folders/:id/zip', {
      summary: 'Download a folder with all below it as a zip archive',
      allow: 'entry.view',
      params,
      200: binary,
      produces: 'application/zip',
      example: { params: { id } },
    }),
    listTrash: get('/trash', {
      summary: 'What you put into the trash, newest first',
      allow: 'user',
      query: Page(),
      200: PageOf(TrashedEntry),
      example: {},
    }),
    restoreEntry: post('/trash/:id/restore', {
      summary: 'Take something out of the trash',
      description:
        'Back where it was; at the top when that folder is gone. A name that is taken gets a number.',
      allow: 'trashed.restore',
      params,
      200: Entry,
      example: { params: { id } },
    }),
    purgeEntry: del('/trash/:id', {
      summary: 'Remove something from the trash for good',
      allow: 'trashed.purge',
      params,
      204: T.Void(),
      example: { params: { id } },
    }),
    emptyTrash: del('/trash', {
      summary: 'Remove all that is in your trash for good',
      allow: 'user',
      204: T.Void(),
      example: {},
    }),
    getQuota: get('/quota', {
      summary: 'How much you keep and may keep',
      allow: 'user',
      200: Quota,
      example: {},
    }),
    listQuotas: get('/quotas', {
      summary: 'How much everybody keeps and may keep',
      allow: 'admin',
      query: Page(),
      200: PageOf(Quota),
      example: {},
    }),
    setQuota: put('/quotas/:user_id', {
      summary: 'Set how much a person may keep',
      allow: 'admin',
      params: T.Object({ user_id: T.String({ minLength: 1, maxLength: 200 }) }),
      body: T.Object({
        quota_bytes: nullable(T.Integer({ minimum: 0, description: 'null: what everybody gets' })),
      }),
      200: Quota,
      example: { params: { user_id: id }, body: { quota_bytes: 10_737_418_240 } },
    }),
    presignUpload: post('/presign/upload', {
      summary: 'An address to which anybody may PUT one file in your name',
      description: 'Bound to name, folder and length, and to the content when its checksum is given.',
      allow: 'user',
      body: T.Object({
        name: Name,
        size: Bytes,
        folder_id: T.Optional(FolderId),
        sha256: T.Optional(Sha256),
        expires_in: T.Optional(ExpiresIn),
      }),
      200: Presigned,
      example: { body: { name: 'scan.pdf', size: 3, sha256, expires_in: 600 } },
    }),
    presignDownload: post('/presign/download', {
      summary: 'An address from which anybody may download this content of a file',
      allow: 'entry.view',
      body: T.Object({ file_id: Id, expires_in: T.Optional(ExpiresIn) }),
      200: Presigned,
      example: { body: { file_id: id, expires_in: 600 } },
    }),
    putPresigned: put('/presigned', {
      summary: 'Upload by a presigned address',
      allow: 'public',
      transaction: 'manual',
      query: T.Object({ grant: Grant }),
      consumes: '*/*',
      body: binary,
      201: Entry,
      example: { query: { grant: token } },
    }),
    getPresigned: get('/presigned', {
      summary: 'Download by a presigned address',
      allow: 'public',
      query: T.Object({ grant: Grant, inline: T.Optional(Inline) }),
      200: binary,
      produces: octets,
      example: { query: { grant: token } },
    }),
    listLinks: get('/entries/:id/links', {
      summary: 'The download links of a file or folder',
      allow: 'entry.share',
      params,
      query: Page(),
      200: PageOf(Link),
      example: { params: { id } },
    }),
    createLink: post('/entries/:id/links', {
      summary: 'Make a download link that works without signing in',
      description:
        'With a password, an end, or a number of downloads if wanted. A folder is downloaded as zip.',
      allow: 'entry.share',
      params,
      body: T.Object({
        password: T.Optional(T.String({ minLength: 4, maxLength: 200 })),
        expires_at: T.Optional(nullable(Timestamp)),
        downloads_max: T.Optional(nullable(T.Integer({ minimum: 1, maximum: 1_000_000 }))),
      }),
      201: Link,
      example: { params: { id }, body: { password: 'not told by mail', downloads_max: 3 } },
    }),
    deleteLink: del('/entries/:id/links/:link_id', {
      summary: 'Remove a download link',
      allow: 'entry.share',
      params: T.Object({ id: Id, link_id: Id }),
      204: T.Void(),
      example: { params: { id, link_id: id } },
    }),
    getLink: get('/links/:token', {
      summary: 'What a download link leads to',
      allow: 'public',
      params: T.Object({ token: T.String({ maxLength: 100 }) }),
      200: OpenLink,
      example: { params: { token } },
    }),
    openLink: post('/links/:token/open', {
      summary: 'Open a download link, with its password if it has one',
      description: 'Counts as one download. A wrong password: 403; ten of them in a row: 429 for a minute.',
      allow: 'public',
      transaction: 'manual',
      params: T.Object({ token: T.String({ maxLength: 100 }) }),
      body: T.Object({ password: T.Optional(T.String({ maxLength: 200 })) }),
      200: OpenLink,
      example: { params: { token }, body: { password: 'not told by mail' } },
    }),
    downloadLink: get('/links/:token/download', {
      summary: 'Download what a link leads to',
      description: 'Without a grant from openLink only for links without password, and each request counts.',
      allow: 'public',
      params: T.Object({ token: T.String({ maxLength: 100 }) }),
      query: T.Object({ grant: T.Optional(Grant), inline: T.Optional(Inline) }),
      200: binary,
      produces: octets,
      example: { params: { token } },
    }),
    ...shareOperations('entry', '/entries'),
  },
  events: {
    'storage.file.uploaded.v1': T.Object({
      id: Id,
      owner_id: T.String(),
      folder_id: nullable(Id),
      name: T.String(),
      revision: Revision,
      size: Bytes,
      content_type: T.String(),
      sha256: Sha256,
      version: Version,
    }),
    'storage.file.infected.v1': T.Object({
      id: Id,
      owner_id: T.String(),
      signature: T.String(),
      version: Version,
    }),
    'storage.entry.trashed.v1': T.Object({ id: Id, owner_id: T.String(), kind: Kind, version: Version }),
    'storage.entry.restored.v1': T.Object({ id: Id, owner_id: T.String(), kind: Kind, version: Version }),
    'storage.entry.purged.v1': T.Object({ id: Id, owner_id: T.String(), kind: Kind, version: Version }),
  },
})
