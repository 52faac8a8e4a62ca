import { Email, Id, T, Version } from '@ait/kit/contract'

const Person = T.Object({
  id: Id,
  email: Email,
  full_name: T.String(),
  role: T.String(),
  locale: T.String(),
  time_zone: T.String(),
  disabled: T.Boolean(),
  version: Version,
})

export const events = {
  'auth.user.registered.v1': Person,
  'auth.user.updated.v1': Person,
  'auth.user.disabled.v1': Person,
  'auth.user.enabled.v1': Person,
  'auth.user.deleted.v1': T.Object({ id: Id, version: Version }),
  'auth.session.started.v1': T.Object({
    id: Id,
    user_id: Id,
    device: T.String(),
    address: T.Union([T.String(), T.Null()]),
  }),
  'auth.session.ended.v1': T.Object({ id: Id, user_id: Id, reason: T.String() }),
  'auth.group.updated.v1': T.Object({ id: Id, name: T.String(), title: T.String(), version: Version }),
  'auth.group.deleted.v1': T.Object({ id: Id, name: T.String() }),
  // What to write to whom; the words and the looks are the mail service's.
  'auth.mail.requested.v1': T.Object({
    to: Email,
    template: T.Enum([
      'confirm_registration',
      'already_registered',
      'verify_email',
      'change_email',
      'email_changed',
      'reset_password',
      'set_password',
      'password_changed',
      'invitation',
      'mfa_changed',
    ]),
    locale: T.String(),
    data: T.Record(T.String(), T.Union([T.String(), T.Null()])),
  }),
}
