/** What a new service is called in the places that have rules of their own. */
export interface ServiceNames {
  /** `meeting-rooms`: folder, package, path, events. */
  name: string
  /** `Meeting rooms` */
  title: string
  /** `MEETING_ROOMS_`: prefix of its variables. */
  prefix: string
  /** `meeting_rooms_db` */
  database: string
}

const pattern = /^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$/
const longest = 40

/** Files of the generated client that a service of this name would overwrite. */
const reserved = ['catalogue', 'services']

/**
 * The names of a new service.
 * @param taken names of the workspaces that are there.
 * @throws Error saying what is wrong with the name.
 */
export function namesOf(name: string, taken: readonly string[]): ServiceNames {
  if (!pattern.test(name) || name.length > longest)
    throw new Error(
      `"${name}" cannot be the name of a service: small letters and digits in words with "-" between, at most ${longest} characters, e.g. meeting-rooms.`,
    )
  if (taken.includes(name) || reserved.includes(name))
    throw new Error(`The name ${name} is taken: choose another.`)
  const words = name.replaceAll('-', ' ')
  const snake = name.replaceAll('-', '_')
  return {
    name,
    title: words.charAt(0).toUpperCase() + words.slice(1),
    prefix: `${snake.toUpperCase()}_`,
    database: `${snake}_db`,
  }
}

const firstPort = 8022

/**
 * The port of a new service: the wanted one, else the next free one after those of the guide.
 * @param used ports of the services that are there, by port.
 * @throws Error saying what is wrong with the port.
 */
export function portFor(wanted: string | undefined, used: ReadonlyMap<number, string>): number {
  if (wanted === undefined) {
    let port = firstPort
    while (used.has(port)) port++
    return port
  }
  const port = Number(wanted)
  // Above lie the ports that the system gives to outgoing connections.
  if (!/^\d+$/.test(wanted) || port < 1024 || port > 32_767)
    throw new Error(`"${wanted}" cannot be a port: a number from 1024 to 32767.`)
  if (used.has(port)) throw new Error(`Port ${port} belongs to ${used.get(port)}: choose another.`)
  return port
}
