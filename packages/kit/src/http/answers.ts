import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import { successStatuses, type Operation } from '../contract/operation.ts'
import { plain } from './schemas.ts'

/** In tests: an answer that is not what the contract says fails the request, and so the test. */
export function answerChecker(name: string, { spec }: Operation): (status: number, answer: unknown) => void {
  const ajv = formats.default(new Ajv({ strict: false, allErrors: true }))
  const validators = new Map(
    successStatuses.flatMap((status) =>
      spec[status] && status < 204 && !spec.produces
        ? [[status as number, ajv.compile(plain(spec[status]))]]
        : [],
    ),
  )
  return (status, answer) => {
    if (status >= 400 || spec.produces) return
    if (!spec[status as 200]) throw new Error(`${name} answers ${status}, which its contract does not know`)
    const validate = validators.get(status)
    if (validate && !validate(JSON.parse(JSON.stringify(answer))))
      throw new Error(`${name} answers what its contract does not say: ${ajv.errorsText(validate.errors)}`)
  }
}
